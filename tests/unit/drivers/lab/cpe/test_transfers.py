"""Downloads, uploads, and what a CPE tells of them later."""

import re

import pytest

from drivers.lab.cpe.config import FAST
from tests.unit.drivers.lab.cpe.tiny_acs import rpc

IMAGE = b"LAB-FIRMWARE 2.0.0\n" + b"x" * 100


def download(acs, path="/image", *, kind="1 Firmware Upgrade Image", size=0, delay=0, key="D1", url=None) -> bytes:
    return rpc(
        "Download",
        f"<CommandKey>{key}</CommandKey><FileType>{kind}</FileType><URL>{url or acs.url.rstrip('/') + path}</URL>"
        f"<Username>u</Username><Password>p</Password><FileSize>{size}</FileSize><TargetFileName/>"
        f"<DelaySeconds>{delay}</DelaySeconds><SuccessURL/><FailureURL/>",
    )


def completed(acs) -> list[tuple[str, str]]:
    found = [
        re.search(r"<CommandKey>(.*?)</CommandKey>.*<FaultCode>(\d+)<", one.text)
        for one in acs.said("TransferComplete")
    ]
    return [(one[1], one[2]) for one in found]


async def test_a_firmware_is_fetched_booted_and_told(acs, cpe_for):
    acs.files["/image"] = IMAGE
    acs.todo = [download(acs, size=len(IMAGE))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: completed(acs))
        assert "<Status>1</Status>" in acs.said("DownloadResponse")[0].text
        assert cpe.values["Device.DeviceInfo.SoftwareVersion"] == "2.0.0"
        assert cpe.files.fetched == [(f"{acs.url}image", IMAGE)]
        assert cpe.boots == 2
        assert cpe.informs[1] == (("7 TRANSFER COMPLETE", ""), ("M Download", "D1"), ("1 BOOT", ""))
        assert completed(acs) == [("D1", "0")]
        await cpe.until(lambda: not cpe.state.transfers)


@pytest.mark.parametrize(
    ("path", "size", "code"), [("/missing", 0, "9016"), ("/image", 7, "9018"), ("http://127.0.0.1:1/x", 0, "9015")]
)
async def test_a_transfer_that_fails_is_told(acs, cpe_for, path, size, code):
    acs.files["/image"] = IMAGE
    acs.todo = [download(acs, path, size=size, url=path if "://" in path else None)]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: completed(acs))
        assert completed(acs) == [("D1", code)]
        assert cpe.boots == 1
        assert cpe.values["Device.DeviceInfo.SoftwareVersion"] == "1.4.2"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"url": "ftp://x/y"}, "9013"), ({"kind": "9 Odd"}, "9003"), ({"key": "k" * 33}, "9003"), ({"url": "x"}, "9003")],
)
async def test_what_is_refused_at_once(acs, cpe_for, change, code):
    acs.todo = [download(acs, **change)]
    async with cpe_for() as cpe:
        await cpe.booted()
    assert f"<FaultCode>{code}<" in acs.said("Fault")[0].text


async def test_no_transfer_complete(acs, cpe_for):
    acs.files["/image"] = IMAGE
    acs.todo = [download(acs)]
    async with cpe_for("no-transfer-complete", bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.informs[1] == (("1 BOOT", ""),)
        assert not acs.said("TransferComplete")


async def test_transfer_complete_early(acs, cpe_for):
    acs.files["/image"] = IMAGE
    acs.todo = [download(acs, kind="3 Vendor Configuration File")]
    async with cpe_for("transfer-complete-early", bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        await cpe.until(lambda: completed(acs))
    methods = [one.method for one in acs.requests if not one.head.startswith("GET")]
    assert methods[methods.index("Inform", 1) :][:3] == ["Inform", "", "TransferComplete"]


async def test_what_is_queued_can_be_seen_and_cancelled(acs, cpe_for):
    cancel = rpc("CancelTransfer", "<CommandKey>D1</CommandKey>")
    queued = rpc("GetQueuedTransfers"), rpc("GetAllQueuedTransfers")
    acs.todo = [download(acs, delay=5), *queued, cancel, *queued]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        assert not cpe.state.transfers
    one, none = acs.said("GetQueuedTransfersResponse")
    assert "<CommandKey>D1</CommandKey><State>1</State>" in one.text
    assert "QueuedTransferStruct[0]" in none.text
    full = acs.said("GetAllQueuedTransfersResponse")[0].text
    assert "<IsDownload>1</IsDownload><FileType>1 Firmware Upgrade Image</FileType>" in full
    assert not acs.said("TransferComplete")


async def test_a_cancelled_one_is_not_carried_out(acs, cpe_for):
    acs.files["/image"] = IMAGE
    acs.todo = [download(acs, delay=5)]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        acs.todo = [rpc("CancelTransfer", "<CommandKey>D1</CommandKey>")]
        await cpe.inform_now()
        await cpe.until(lambda: not cpe._tasks)
        assert cpe.files.fetched == []


async def test_a_scheduled_download(acs, cpe_for):
    acs.files["/image"] = IMAGE
    window = "<TimeWindowStruct><WindowStart>2</WindowStart><WindowEnd>9</WindowEnd></TimeWindowStruct>"
    head = f"<CommandKey>S1</CommandKey><FileType>1 Firmware Upgrade Image</FileType><URL>{acs.url}image</URL>"
    acs.todo = [
        rpc("ScheduleDownload", f"{head}<TimeWindowList>{window}</TimeWindowList>"),
        rpc("ScheduleDownload", head),
    ]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: completed(acs))
        assert ("M ScheduleDownload", "S1") in cpe.informs[1]
    assert "9003" in acs.said("Fault")[0].text


@pytest.mark.parametrize("uploads", [False, True])
async def test_uploads(acs, cpe_for, uploads):
    content = f"<CommandKey>U1</CommandKey><FileType>2 Vendor Log File</FileType><URL>{acs.url}log</URL>"
    acs.todo = [rpc("Upload", content)]
    async with cpe_for(bootstrapped=True, uploads=uploads, pace=FAST) as cpe:
        if uploads:
            await cpe.until(lambda: completed(acs))
            assert b"Device.DeviceInfo.SoftwareVersion=1.4.2" in acs.put["/log"]
            assert ("M Upload", "U1") in cpe.informs[1]
        else:
            await cpe.booted()
            assert "9001" in acs.said("Fault")[0].text
