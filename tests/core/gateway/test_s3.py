"""Objects as files, on a real S3 server; the signature compared with what Amazon's own library makes."""

import os
from datetime import UTC, datetime

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from apps.core import gateway
from apps.core.gateway.files import Files
from apps.core.gateway.files.s3 import PART, S3Store, S3Target
from apps.core.gateway.files.signing import path_of, query_of, signed_headers
from tests import file_servers
from tests.file_servers import KEY_ID, REGION, SECRET

CONTEXT = gateway.SendContext(organization="acme")


@pytest.fixture
def bucket():
    with file_servers.s3_server() as url:
        login = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        client = boto3.client("s3", region_name=REGION, endpoint_url=url, **login)
        for name in ("shop", "attic"):
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield client, url
        client.close()


@pytest.fixture
def files(bucket):
    return Files(CONTEXT, S3Store(S3Target(KEY_ID, SECRET, REGION, bucket[1]), CONTEXT))


def keys(client, name="shop"):
    return [one["Key"] for one in client.list_objects_v2(Bucket=name).get("Contents", [])]


@pytest.mark.parametrize("name", ["a.csv", "in/deep/a b+c&d=e ü.csv", "100%/~x'(y)*!.csv"])
def test_an_object_is_written_listed_read_moved_and_deleted(files, bucket, name):
    assert files.write(f"shop/{name}", [b"id\n", b"1\n"]).size == 5
    assert keys(bucket[0]) == [name]
    [listed] = files.list_files("shop")
    assert (listed.path, listed.name, listed.size) == (f"shop/{name}", name, 5)
    with files.read(listed.path) as (stream, info):
        assert stream.read() == b"id\n1\n" and info.etag == listed.etag
    moved = files.move(listed.path, "attic/done")
    assert moved.path == f"attic/done/{name.rpartition('/')[2]}" and keys(bucket[0]) == []
    files.delete(moved.path)
    files.delete(moved.path)
    assert keys(bucket[0], "attic") == []


def test_a_big_object_goes_up_in_parts_and_comes_down_from_any_place(files, bucket):
    content = os.urandom(PART * 2 + 12_345)
    chunks = (content[at : at + 1_000_000] for at in range(0, len(content), 1_000_000))
    assert files.write("shop/big.bin", chunks).size == len(content)
    with files.read("shop/big.bin") as (stream, _):
        stream.seek(PART - 5)
        assert stream.read(10) == content[PART - 5 : PART + 5]
        stream.seek(0)
        assert b"".join(iter(lambda: stream.read(1_000_000), b"")) == content


def test_what_breaks_while_it_goes_up_leaves_nothing(files, bucket):
    def broken():
        for _ in range(3):
            yield b"x" * PART
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        files.write("shop/big.bin", broken())
    assert keys(bucket[0]) == [] and "Uploads" not in bucket[0].list_multipart_uploads(Bucket="shop")


def test_more_keys_than_an_answer_holds_are_listed(files, bucket):
    for number in range(1005):
        bucket[0].put_object(Bucket="shop", Key=f"in/{number:04}.csv", Body=b"")
    bucket[0].put_object(Bucket="shop", Key="in/", Body=b"")
    assert len(files.list_files("shop", starts_with="in/")) == 1005
    assert [f.name for f in files.list_files("shop", starts_with="in/", ends_with="7.csv")][:2] == [
        "in/0007.csv",
        "in/0017.csv",
    ]


def test_an_object_that_changes_while_it_is_read_is_not_mixed(files, bucket):
    files.write("shop/a.bin", [b"a" * (PART + 1)])
    with files.read("shop/a.bin") as (stream, _):
        assert stream.read(1) == b"a"
        bucket[0].put_object(Bucket="shop", Key="a.bin", Body=b"b" * (PART + 1))
        with pytest.raises(gateway.FileRefused, match="changed"):
            stream.seek(PART)
            stream.read()


def test_what_is_not_there_or_no_bucket_is_told_so(files):
    with pytest.raises(gateway.FileMissing), files.read("shop/missing.csv"):
        pass
    for path in ("nobody/a.csv", "Shop/a.csv", "shop/../a", "shop/a\nb", "169.254.169.254/latest/../x"):
        with pytest.raises(gateway.GatewayError):
            files.write(path, [b"x"])
    with pytest.raises(gateway.FileRefused):
        S3Store(S3Target(KEY_ID, SECRET, "eu.evil.example/"), CONTEXT)


def test_an_address_that_is_not_allowed_is_not_asked(files, settings):
    settings.JUNCTION_ALLOW_NETWORKS = []
    with pytest.raises(gateway.AddressRefused):
        files.list_files("shop")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("key", ["a.csv", "deep/a b+c&d=e ü~*.csv"])
@pytest.mark.parametrize("query", [{}, {"list-type": "2", "prefix": "a/b c", "uploads": ""}])
def test_requests_are_signed_as_amazons_library_signs_them(method, key, query, time_machine):
    now = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
    time_machine.move_to(now, tick=False)
    url = f"https://shop.s3.eu-central-1.amazonaws.com/{path_of(key)}" + (f"?{query_of(query)}" if query else "")
    body = b"content" if method == "PUT" else b""
    ours = signed_headers(
        method=method, url=url, headers={"x-amz-copy-source": "/a/b"}, body=body, key_id=KEY_ID, secret=SECRET,
        region=REGION, now=now,
    )  # fmt: skip
    theirs = AWSRequest(method, url, headers={"x-amz-copy-source": "/a/b", "x-amz-content-sha256": ours["x-amz-content-sha256"]}, data=body)  # fmt: skip # noqa: E501
    signer = SigV4Auth(Credentials(KEY_ID, SECRET), "s3", REGION)
    signer._normalize_url_path = lambda path: path  # as S3's own variant does
    signer.add_auth(theirs)
    assert ours["Authorization"] == theirs.headers["Authorization"]
