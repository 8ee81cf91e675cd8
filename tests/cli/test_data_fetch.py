"""`interlat-data fetch` as a user runs it; a local server stands in for the release."""

import http.server
import tempfile
import threading
import zipfile

import pytest

from interlat.cli import data, data_fetch


@pytest.fixture
def server(release, tmp_path, monkeypatch):
    """Serves the release as a zip, as GitHub does; gives its address and the paths that were asked for."""
    pytest.importorskip("alfworld")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "downloads"))
    (tmp_path / "downloads").mkdir()
    served = tmp_path / "served"
    served.mkdir()
    with zipfile.ZipFile(served / "games.zip", "w") as archive:
        for path in sorted(release.rglob("*.tw-pddl")):
            archive.write(path, path.relative_to(release))
    (served / "broken.zip").write_bytes((served / "games.zip").read_bytes()[:500])
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=served)

        def log_message(self, *_):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


@pytest.mark.usefixtures("published")
def test_fetch_downloads_unpacks_and_verifies(server, tmp_path, capsys):
    address, asked = server
    folder = tmp_path / "new" / "data"
    assert data.main(["fetch", "--data-dir", str(folder), "--mirror", f"{address}/games.zip"]) == 0
    assert asked == ["/games.zip"]
    assert sorted(path.name for path in folder.iterdir()) == ["json_2.1.1"]  # the zip is gone
    assert "All 5 games" in capsys.readouterr().out
    assert data.main(["fetch", "--data-dir", str(folder / "json_2.1.1"), "--mirror", f"{address}/games.zip"]) == 0
    assert asked == ["/games.zip"]
    assert "already; --force" in capsys.readouterr().out


def test_fetch_fails_where_the_release_is_not_whole(server, tmp_path, capsys):
    address, _ = server
    for name, message in {
        "games.zip": "train has 2 games, published are 3553",
        "broken.zip": "is no zip archive",
        "missing.zip": "404",
    }.items():
        folder = tmp_path / name
        assert data.main(["fetch", "--data-dir", str(folder), "--mirror", f"{address}/{name}"]) == 1
        assert message in capsys.readouterr().err
        assert not (folder / name).exists()


@pytest.mark.parametrize("everything", [[], ["--everything"]])
def test_fetch_asks_for_alfworld_s_own_release_and_says_what_to_do_without_a_network(
    everything, tmp_path, monkeypatch, capfd
):
    pytest.importorskip("alfworld")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nothing answers
    assert data.main(["fetch", "--data-dir", str(tmp_path / "data"), *everything]) == 1
    error = capfd.readouterr().err
    assert "github.com" in error
    assert "/alfworld/alfworld/releases/download/" in error
    assert ("tw-pddl.zip" in error) is not bool(everything)  # everything begins with the scenes
    for advice in ("HTTPS_PROXY", "--mirror", "interlat-data verify --root", "household"):
        assert advice in error


def test_fetch_without_alfworld_says_what_to_install(tmp_path, monkeypatch, capsys):
    def absent(name):
        raise data_fetch.PackageNotFoundError(name)

    monkeypatch.setattr(data_fetch, "distribution", absent)
    assert data.main(["fetch", "--data-dir", str(tmp_path)]) == 1
    assert "pip install 'interlat[alfworld]'" in capsys.readouterr().err
