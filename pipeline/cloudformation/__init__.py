"""CloudFormation's templates, functions and plans as values. Pure: nothing is deployed here."""
