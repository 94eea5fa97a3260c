import hashlib
import threading

import pytest
from fixtures.web import CONTENT, serving

from netwright.data import download
from netwright.data.download import Remote, fetch
from netwright.errors import DataError, OutputError


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.0)
    with serving() as made:
        yield made


def remote(*urls, content=CONTENT):
    return Remote(urls, "data.bin", len(content), hashlib.md5(content).hexdigest())


def test_a_file_is_fetched_once(server, tmp_path):
    said = []
    for _ in range(2):
        path = fetch(remote(server.url), tmp_path / "new", said.append)
        assert path.read_bytes() == CONTENT
    assert len(server.ranges) == len(said) == 1
    assert server.url in said[0]
    assert [each.name for each in path.parent.iterdir()] == ["data.bin"]


def test_a_download_is_announced_in_the_log(server, tmp_path, caplog):
    fetch(remote(server.url), tmp_path)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("netwright.data.download", "WARNING")
    assert server.url in record.getMessage()


def test_a_broken_download_goes_on_where_it_broke_off(server, tmp_path):
    server.break_after = 5000
    assert fetch(remote(server.url), tmp_path, print).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=5000-"]


def test_an_interrupted_program_goes_on_too(server, tmp_path):
    (tmp_path / ".data.bin.partial").write_bytes(CONTENT[:777])
    assert fetch(remote(server.url), tmp_path, print).read_bytes() == CONTENT
    assert server.ranges == ["bytes=777-"]


def test_a_server_that_cannot_begin_in_the_middle(server, tmp_path):
    server.resumes = False
    (tmp_path / ".data.bin.partial").write_bytes(b"x" * 777)
    assert fetch(remote(server.url), tmp_path, print).read_bytes() == CONTENT


def test_the_next_address_is_tried(server, tmp_path):
    nowhere = "http://127.0.0.1:9/data.bin"
    assert fetch(remote(nowhere, server.url), tmp_path, print).read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"x", CONTENT + b"more"])
def test_other_content_is_refused(server, tmp_path, wrong):
    server.content = wrong
    with pytest.raises(DataError, match=r"data\.bin cannot be fetched .*(md5 is .* should be|bytes and should have)"):
        fetch(remote(server.url), tmp_path, print)
    assert not (tmp_path / "data.bin").exists()
    assert not (tmp_path / ".data.bin.partial").exists()


def test_no_network_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.0)
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/x: .*refused.*put it into .*where it broke off"):
        fetch(remote("http://127.0.0.1:9/x"), tmp_path, print)


def test_a_refusal_is_not_asked_again(server, tmp_path):
    server.status = 403
    with pytest.raises(DataError, match="status 403"):
        fetch(remote(server.url), tmp_path, print)
    assert len(server.ranges) == 1


def test_several_processes_fetch_once(server, tmp_path):
    threads = [threading.Thread(target=fetch, args=(remote(server.url), tmp_path, lambda line: None)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.ranges) == 1


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "below"
    says = rf"^the data set's file cannot be written to {path / 'data.bin'}: .* Choose another --data_dir\.$"
    with pytest.raises(OutputError, match=says):
        fetch(remote(server.url), path, print)


def test_offline_nothing_is_asked(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # of the hub, where no data set here comes from
    assert fetch(remote(server.url), tmp_path / "new", print).read_bytes() == CONTENT
    monkeypatch.setenv("NETWRIGHT_OFFLINE", "1")
    assert fetch(remote(server.url), tmp_path / "new", print).read_bytes() == CONTENT
    with pytest.raises(DataError, match=r"data\.bin is not in .*, and NETWRIGHT_OFFLINE forbids .* put it into"):
        fetch(remote(server.url), tmp_path, print)
    assert len(server.ranges) == 1
