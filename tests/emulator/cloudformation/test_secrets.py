"""What a stack generated stays as it was until the template wishes something else."""

from __future__ import annotations

import json

from tests.emulator.cloudformation.conftest import Clients, Deploy

TEMPLATE = """
Resources:
  Keys:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: kept-keys
      Description: %s
      GenerateSecretString: {SecretStringTemplate: '{"user": "me"}', GenerateStringKey: key, PasswordLength: %d,
        ExcludePunctuation: true}
Outputs: {Arn: {Value: !Ref Keys}}
"""


def test_a_generated_secret_stays_until_another_is_wished_for(deploy: Deploy, clients: Clients) -> None:
    def deployed(description: str, length: int) -> dict[str, str]:
        arn = deploy(TEMPLATE % (description, length), stack="secrets").outputs["Arn"]
        answer = clients("secretsmanager").get_secret_value(SecretId=arn)
        assert clients("secretsmanager").describe_secret(SecretId=arn)["Description"] == description
        found: dict[str, str] = json.loads(answer["SecretString"])
        return found

    first = deployed("one", 64)
    assert first["user"] == "me"
    assert (len(first["key"]), first["key"].isalnum()) == (64, True)
    assert deployed("two", 64) == first
    longer = deployed("two", 70)
    assert (longer["user"], len(longer["key"])) == ("me", 70)
