"""What brokers and webhooks are told of a real call, and a call-back asked for by MQTT."""

import json

import pytest

from rig.mosquitto import Mosquitto, is_installed
from tests.pbx.company import AGENT, CLIENT, Company, agent, client, events
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.pbx, pytest.mark.skipif(not is_installed(), reason="no Mosquitto")]


async def test_a_call_is_told_by_mqtt_and_webhook_as_the_api_tells_it(company: Company) -> None:
    receiver = Receiver()
    hook = {"url": receiver.url, "secret": "a secret", "events": ["attempt_ended", "ended"]}
    async with Mosquitto() as mosquitto, receiver.up(), mosquitto.listening("acme/#") as listener:
        await company.opens(settings={"mqtt": {"url": mosquitto.url, "prefix": "acme"}, "webhooks": [hook]})
        company.phones.set(AGENT, agent("1"))
        company.phones.set(CLIENT, client(3.0))
        await listener.text("online")
        body = json.dumps({"profile": "support", "number": CLIENT})
        await mosquitto.publish("acme/command/request", body, "-D", "publish", "response-topic", "acme/answers")
        answered = await listener.until(lambda all_: any(each["topic"] == "acme/answers" for each in all_))
        asked = next(json.loads(each["payload"])["id"] for each in answered if each["topic"] == "acme/answers")
        caller = await company.phones.call(CLIENT)
        await caller.answered()
        shown = await company.ended(asked)

        last = shown["events"][-1]["id"]
        heard = await listener.until(lambda all_: any(f'"id":{last},' in str(each["payload"]) for each in all_))
        told = [json.loads(each["payload"]) for each in heard if each["topic"] == "acme/event/support"]
        assert [{**event, "callback_id": asked, "profile": "support"} for event in shown["events"]] == told
        assert events(shown)[-1] == "ended"
        await receiver.until(last)
        assert [received.event["type"] for received in receiver.received] == ["attempt_ended", "ended"]
        summaries = [json.loads(each["payload"]) for each in heard if each["topic"] == "acme/profile/support"]
        assert any(summary["live"] == 1 for summary in summaries)
