"""Topics take only the subscriptions that something here delivers to."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "a@example.org"),
        ("sms", "+15555550100"),
        ("https", "https://127.0.0.1/x"),
        ("firehose", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/d"),
    ],
)
def test_a_subscription_that_nothing_delivers_to_is_refused(aws, protocol, endpoint):
    topic = aws("sns").create_topic(Name="refusing")["TopicArn"]
    with pytest.raises(ClientError, match=f"delivers to sqs and lambda, not to {protocol}"):
        aws("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
