"""Connections to SQL databases. Type `sqlite` is an extra of ours, not in the documents' vocabulary."""

from dataclasses import dataclass, field

from apps.connections.documents.tls import Tls
from apps.connections.reading import Reader

ENGINES = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432, "sqlite": 0}
UNSUPPORTED_ENGINES = ("azuresynapse", "mssql", "snowflake", "oracle", "bigquery", "redshift")


@dataclass(frozen=True)
class RdbmsDocument:
    """`database` of an sqlite connection is a path in the organization's folder."""

    engine: str
    host: str = ""
    port: int = 0
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()
    tls: Tls | None = None


def parse_rdbms(rdbms: Reader) -> RdbmsDocument:
    engine = rdbms.text("type", required=True)
    if engine in UNSUPPORTED_ENGINES:
        raise rdbms.error("type", f"{engine} is not supported by this deployment")
    rdbms.choice("type", tuple(ENGINES), default="")
    rdbms.number("concurrencyLevel", low=1, high=50)
    if engine == "sqlite":
        return RdbmsDocument(engine=engine, database=rdbms.text("database", required=True))
    ssl = rdbms.child("ssl", required=False)
    certificate, key = ssl.text("cert"), ssl.text("key")
    if bool(certificate) != bool(key):
        raise ssl.error("key" if certificate else "cert", "must come with the other: a certificate needs its key")
    secured = bool(certificate or ssl.text("ca"))
    return RdbmsDocument(
        engine=engine,
        host=rdbms.text("host", required=True),
        port=rdbms.number("port", low=1, high=65535) or ENGINES[engine],
        database=rdbms.text("database", required=True),
        user=rdbms.text("user", required=True),
        password=rdbms.text("password", required=not certificate),
        options=tuple((item.text("name", required=True), item.text("value")) for item in rdbms.items("options")),
        tls=Tls(
            verify=not rdbms.flag("disableStrictSSL"),
            ca=ssl.text("ca"),
            certificate=certificate,
            key=key,
            passphrase=ssl.text("passphrase"),
        )
        if secured
        else None,
    )
