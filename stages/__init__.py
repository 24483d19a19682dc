"""What runs on AWS: Lambda handlers and Glue scripts, a folder a stage. Siblings never import each other."""
