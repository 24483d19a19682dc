"""Only on Glue."""

from awsglue import refuse

refuse(__name__)
