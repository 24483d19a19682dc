"""CodePipeline and CodeBuild: what templates may say of them."""
