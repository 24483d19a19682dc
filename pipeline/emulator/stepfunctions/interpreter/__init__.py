"""Changes to moto's interpreter of the Amazon States Language."""
