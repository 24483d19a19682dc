"""How moto comes to answer for Step Functions with our service."""
