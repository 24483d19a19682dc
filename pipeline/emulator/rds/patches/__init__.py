"""What is changed in moto's RDS."""
