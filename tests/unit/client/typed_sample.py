"""Read by mypy alone, in test_generated: a line marked wrong has an error, the others none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ringfence.client import ApiError, Client, RateLimited, models

client = Client(base_url="https://ringfence.example.com", api_key="rfk_x", purpose="service")

page: models.CallList = client.calls.list(disposition="answered", limit=10)
calls: Iterator[models.CallSummary] = client.calls.iter(tag="team", tag_value="sales")
started: list[datetime] = [call.started_at for call in calls]
call: models.Call = client.calls.get(page.calls[0].id)
number: str = call.from_number  # wrong
ended: datetime | None = call.ended_at
accepted: models.CallAccepted = client.calls.originate(
    to="+12025550100", caller_id="PN0", flow="FW0", idempotency_key="order 7"
)
client.calls.originate(to="+12025550100")  # wrong
client.calls.list(disposition="lost")  # wrong
client.calls.list(limit="10")  # wrong

trunk: models.Trunk = client.trunks.get("TK0")
client.trunks.update(trunk, max_channels=None)
client.trunks.update("TK0", name="PBX", etag="*")
client.trunks.update(call, name="PBX")  # wrong
trunk.name = "other"  # wrong
client.trunks.create(name="PBX", format=models.NumberFormatIn(style="national"))
client.trunks.create(name="PBX", format=models.NumberFormatIn(style="local"))  # wrong
client.numbers.create(e164="+12025550100", dial=[models.DialTarget(sip="sip:desk@pbx.example")])
size: int = client.recordings.download_audio("RE0", "call.wav", format="wav")
client.prompts.create(name="Welcome", file="welcome.wav")
nothing: str = client.webhooks.delete("WH0")  # wrong

try:
    client.health.get()
except RateLimited as error:
    wait: float | None = error.retry_after
except ApiError as error:
    text: str = f"{error.status} {error.code} {error.message} {error.details}"
