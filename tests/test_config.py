"""The configuration: the example works, every fault is one line that names its key."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from callstate.config import load
from callstate.core.errors import ConfigError
from tests.certificates import make_certificate

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"

MINIMAL = '[[machine]]\nid = 3\nusername = "callstate"\n'
SECRET = {"CALLSTATE_MACHINE_3_SECRET": "s3cret"}

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give a function that writes a configuration and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


# The example


def test_the_example_works_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "machine-1.secret").write_text("s3cret\n")
    config = load(path, {})
    assert [machine.secret for machine in config.machine] == ["s3cret"]
    assert not config.variables


# Faults


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "machine: at least one [[machine]] is needed"),
        ("x = 1", "x: is not a known key"),
        ("[http]\nprot = 1", "http.prot: is not a known key"),
        ("http = 1", "http: must be a table, not int"),
        ("machine = 1", "machine: must be a list, not int"),
        ('[http]\nport = "1"', "http.port: must be int, not str"),
        ("[http]\nport = 70000", "http.port: must be int <= 65535"),
        ("[http]\nhost = 1", "http.host: must be str or a list, not int"),
        ("[http]\nhost = [1]", "http.host[0]: must be str, not int"),
        ("[http.limits]\nconnections = 0", "http.limits.connections: must be int >= 1"),
        ("[http.limits]\nhead_seconds = 0", "http.limits.head_seconds: must be float > 0.0"),
        (MINIMAL + '[http]\nhost = ""', "http.host: must not be empty; 0.0.0.0 is every address"),
        (
            MINIMAL + "[http]\nhost = []",
            "http.host: must not be empty without http.unix_socket",
        ),
        (
            MINIMAL + '[http]\ntls_key_file = "key.pem"',
            "http.tls_key_file: there is no http.tls_certificate_file",
        ),
        (
            MINIMAL + '[http]\ntrusted_proxies = ["::1", "10.0.0.1/8"]',
            "http.trusted_proxies[1]: must be a network as 10.0.0.0/8, an address, or unix",
        ),
        (
            MINIMAL + '[http]\ncors_origins = ["https://wall.example.com/"]',
            "http.cors_origins[0]: must be * or an origin as https://wall.example.com, in small"
            " letters",
        ),
        (
            MINIMAL + '[http]\ncors_origins = ["null"]',
            "http.cors_origins[0]: must be * or an origin as https://wall.example.com, in small"
            " letters",
        ),
        (
            MINIMAL + '[http]\ncors_origins = ["*", "https://wall.example.com"]',
            "http.cors_origins: must be * alone, or origins without *",
        ),
        ("[sync]\naudit_seconds = 0", "sync.audit_seconds: must be float > 0.0"),
        ("[sync]\naudit_seconds = inf", "sync.audit_seconds: must be float <= 86400.0"),
        ("[sync]\naudit_seconds = nan", "sync.audit_seconds: must be float > 0.0"),
        ("[[machine]]\nid = 1", "machine[0].username: is missing"),
        (MINIMAL + "secret = 5", "machine[0].secret: must be str, not int"),
        (MINIMAL + "id_ = 1", "machine[0].id_: is not a known key"),
        (MINIMAL + MINIMAL, "machine[1].id: 3 is used twice"),
        (MINIMAL + 'host = ""', "machine[0].host: must not be empty"),
        ('[[machine]]\nid = 3\nusername = ""', "machine[0].username: must be one line of text"),
        (
            '[[machine]]\nid = 3\nusername = "a\\r\\nAction: Logoff"',
            "machine[0].username: must be one line of text",
        ),
        (
            MINIMAL + 'secret = "a"\nsecret_file = "b"',
            "machine[0].secret_file: secret is given as well",
        ),
        (
            MINIMAL + '[logs]\nlevel = "loud"',
            "logs.level: must be debug, info, warning or error",
        ),
        (MINIMAL + '[logs]\nformat = "xml"', "logs.format: must be auto, text or json"),
        (
            MINIMAL + "[ami]\nsilence_seconds = 5",
            "ami.silence_seconds: must be longer than ami.ping_seconds",
        ),
        (
            MINIMAL + "[ami]\nretry_limit_seconds = 0.1",
            "ami.retry_limit_seconds: must not be shorter than ami.retry_seconds",
        ),
        (MINIMAL + "[variables]\ncallid = 1", "variables.*: must be str, not int"),
        (
            MINIMAL + '[variables]\ncallid = ""',
            "variables.callid: must be the name of a plain variable",
        ),
        (
            MINIMAL + '[variables]\ncallid = "CHANNEL(uniqueid)"',
            "variables.callid: must be the name of a plain variable",
        ),
        (
            MINIMAL + '[directory]\nurl = "a"\nurl_file = "b"',
            "directory.url_file: url is given as well",
        ),
        (
            MINIMAL + '[directory]\nurl = "a"\nfile = "b"',
            "directory.file: a database's url is given as well",
        ),
        (
            MINIMAL + '[directory]\nurl = "a"',
            "directory.sql.customers: is missing: a database needs its SELECT",
        ),
        (
            MINIMAL + '[directory.sql]\ncustomers = "SELECT 1"',
            "directory.url: is missing: set it, url_file, or CALLSTATE_DIRECTORY_URL",
        ),
        (MINIMAL + "[directory.sql]\ncustomer = 1", "directory.sql.customer: is not a known key"),
        (MINIMAL + "[peers]\na = -1", "peers.*: must be int >= 0"),
        (
            MINIMAL + '[[endpoint]]\npattern = ""\ntype = "phone"',
            "endpoint[0].pattern: must not be empty",
        ),
        (
            MINIMAL + '[[endpoint]]\npattern = "*"\ntype = ""',
            "endpoint[0].type: must not be empty",
        ),
    ],
)
def test_a_fault_is_one_line_that_names_its_key(write: Write, text: str, error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(text), SECRET)
    assert str(caught.value) == error


def test_an_unknown_field_is_answered_with_those_known(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"variables.colour: is no field; known are callid,"):
        load(write(MINIMAL + '[variables]\ncolour = "x"'), SECRET)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"config\.toml: is not UTF-8"):
        load(path, {})


def test_a_file_that_is_no_toml_is_named_with_the_place(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: is not TOML: .*line 1"):
        load(write("x = = 1\n"), {})


# Secrets


def test_each_machine_gets_its_secret(write: Write) -> None:
    text = MINIMAL + '[[machine]]\nid = 4\nusername = "callstate"\nsecret = "here"'
    assert [machine.secret for machine in load(write(text), SECRET).machine] == ["s3cret", "here"]


def test_a_secret_file_is_found_beside_the_configuration(write: Write, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\r\n")
    config = load(write(MINIMAL + 'secret_file = "secret"'), {})
    assert config.machine[0].secret == "from the file"


def test_a_missing_secret_names_the_machine(write: Write) -> None:
    with pytest.raises(ConfigError, match=r"^machine\[0\]\.secret: is missing"):
        load(write(MINIMAL), {})


def test_a_secret_is_never_shown(write: Write) -> None:
    config = load(write(MINIMAL + 'secret = "hunter2"'), {})
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(config.machine[0])


# The directory's database

SQL = MINIMAL + '[directory.sql]\ncustomers = "SELECT 1 AS id"\n'
URL = "sqlite:////var/lib/pbx.db"


@pytest.mark.parametrize("way", ["written", "file", "environment", "credential"])
def test_the_url_of_a_database_comes_from_where_secrets_live(
    write: Write, tmp_path: Path, way: str
) -> None:
    (tmp_path / "directory-url").write_text(f"{URL}\n")
    written = {"written": f'url = "{URL}"\n', "file": 'url_file = "directory-url"\n'}
    environment = {
        "environment": {"CALLSTATE_DIRECTORY_URL": URL},
        "credential": {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    }
    path = write(f"{SQL}[directory]\n{written.get(way, '')}")
    directory = load(path, SECRET | environment.get(way, {})).directory
    assert (directory.url, directory.file) == (URL, "")
    assert directory.sql.customers == "SELECT 1 AS id"


def test_a_file_and_a_database_from_the_environment_are_one_too_many(write: Write) -> None:
    text = MINIMAL + '[directory]\nfile = "directory.toml"'
    with pytest.raises(ConfigError, match=r"^directory\.file: a database's url is given as well"):
        load(write(text), SECRET | {"CALLSTATE_DIRECTORY_URL": URL})


def test_without_secrets_a_database_has_no_url_and_no_file(write: Write) -> None:
    directory = load(write(SQL), {}, secrets=False).directory
    assert (directory.url, directory.file) == ("", "")


# The rest


def test_files_are_found_from_the_configurations_folder(write: Write, tmp_path: Path) -> None:
    make_certificate(tmp_path, stem="ca")
    config = load(write(MINIMAL + 'tls_ca_file = "ca.pem"'), SECRET)
    assert config.directory.file == str(tmp_path / "directory.toml")
    assert config.http.tls_certificate_file == ""
    assert config.machine[0].tls_ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.pem", "none.pem cannot be read: No such file or directory"),
        ("text.pem", "text.pem holds no PEM certificate"),
        ("\\u0000", "is no name of a file"),
    ],
)
def test_authorities_that_cannot_be_read_are_an_error(
    write: Write, tmp_path: Path, name: str, problem: str
) -> None:
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(ConfigError, match=problem) as caught:
        load(write(MINIMAL + f'tls = true\ntls_ca_file = "{name}"'), SECRET)
    assert caught.value.key == "machine[0].tls_ca_file"


def test_the_files_of_http_are_found_there_too(write: Write, tmp_path: Path) -> None:
    text = '[http]\nhost = []\nunix_socket = "/run/callstate/http.sock"\n'
    text += 'tls_certificate_file = "server.pem"\ntls_key_file = "server.key"'
    http = load(write(MINIMAL + text), SECRET).http
    assert http.unix_socket == "/run/callstate/http.sock"
    assert http.tls_certificate_file == str(tmp_path / "server.pem")
    assert http.tls_key_file == str(tmp_path / "server.key")


def test_one_address_and_several_are_both_a_list(write: Write) -> None:
    assert load(write(MINIMAL), SECRET).http.hosts == ("127.0.0.1",)
    text = MINIMAL + '[http]\nhost = ["127.0.0.1", "::1"]'
    assert load(write(text), SECRET).http.hosts == ("127.0.0.1", "::1")


def test_proxies_and_origins_are_taken(write: Write) -> None:
    text = MINIMAL + '[http]\ntrusted_proxies = ["10.0.0.0/8", "2001:db8::/32", "::1", "unix"]\n'
    text += (
        'cors_origins = ["https://wall.example.com", "http://[::1]:8080", "http://localhost:3000"]'
    )
    http = load(write(text), SECRET).http
    assert len(http.trusted_proxies) == 4
    assert len(http.cors_origins) == 3


def test_the_environment_of_the_process_is_the_default(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CALLSTATE_MACHINE_3_SECRET", "from the process")
    assert load(write(MINIMAL)).machine[0].secret == "from the process"


def test_a_whole_number_is_a_number_of_seconds(write: Write) -> None:
    assert load(write(MINIMAL + "[sync]\naudit_seconds = 90"), SECRET).sync.audit_seconds == 90
