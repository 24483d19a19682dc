"""S3: buckets, objects and notifications."""
