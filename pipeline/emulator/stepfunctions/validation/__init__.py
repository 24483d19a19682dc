"""What is wrong with a definition, told when the machine is made."""
