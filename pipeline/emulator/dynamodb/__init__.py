"""DynamoDB: tables, expressions, transactions and streams."""
