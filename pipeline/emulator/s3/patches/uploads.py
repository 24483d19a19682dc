"""S3: checksums of uploads in parts: one algorithm and one kind of checksum an upload, to which its parts are held.

Source: Amazon S3's user guide, "Checking object integrity in Amazon S3", and the API reference of each call. AWS's
messages are those that others saw of it: its documents name the codes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers.expat import ExpatError

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.s3.patches.checksums import (
    ALGORITHMS,
    COMPOSITE,
    DEFAULT,
    FULL_OBJECT,
    PREFIX,
    checksum_error,
    given_checksums,
    is_in_parts,
    kind_of,
    of_part,
    qualified,
)

ALGORITHM, TYPE = "x-amz-checksum-algorithm", "x-amz-checksum-type"
_ONE_KIND = {"CRC64NVME": FULL_OBJECT, "SHA1": COMPOSITE, "SHA256": COMPOSITE}
MOST_PARTS = 1000


@patch("moto.s3.models:S3Backend.create_multipart_upload", "20b9a24585cf", "moto takes any kind of checksum")
def _create(self: Any, bucket: str, key: str, metadata: Any, *more: Any, **named: Any) -> Any:
    wanted = _wanted(metadata.pop(ALGORITHM, None), metadata.pop(TYPE, None))
    upload = _create.original(self, bucket, key, metadata, *more, **named)
    upload.metadata.update(wanted)
    return upload


def _wanted(algorithm: str | None, kind: str | None) -> dict[str, str]:
    """What an upload is created with; nothing where its creator leaves that to S3."""
    if kind is not None and kind not in (COMPOSITE, FULL_OBJECT):
        raise checksum_error("InvalidRequest", f"Value for {TYPE} header is invalid.")
    if algorithm is None:
        if kind is not None:
            raise checksum_error("InvalidRequest", f"The {TYPE} header can only be used with the {ALGORITHM} header.")
        return {}
    algorithm = algorithm.upper()
    if algorithm not in ALGORITHMS:
        raise checksum_error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            f"[{', '.join(ALGORITHMS)}]",
        )
    only = _ONE_KIND.get(algorithm)
    if kind is not None and only not in (None, kind):
        raise checksum_error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return {ALGORITHM: algorithm, TYPE: kind or only or COMPOSITE}


@patch(
    "moto.s3.responses:S3Response.upload_part",
    "3062f353d2df",
    "moto takes a part with another checksum than the upload's",
)
def _upload_part(self: Any) -> Any:
    upload = _upload(self)
    algorithm = upload.metadata.get(ALGORITHM)
    given = next(iter(dict(given_checksums(self))), None)
    if algorithm and given != algorithm and (given or upload.metadata[TYPE] == COMPOSITE):
        raise _other_algorithm(algorithm, given)
    status, told, body = _upload_part.original(self)
    if algorithm:
        told[PREFIX + algorithm.lower()] = of_part(upload.parts[self._get_int_param("partNumber")], algorithm)
    return status, told, body


@patch("moto.s3.models:FakeMultipart.complete", "a5cd01f2f2f2", "moto compares no checksum of an upload or its parts")
def _complete(self: Any, body: Any) -> Any:
    asked = getattr(self, "asked", {})
    made, etag, (kind, checksum, _) = _complete.original(self, body)
    # Before the object is there: what does not match leaves the upload as it was.
    algorithm = self.metadata.get(ALGORITHM)
    _check_named(self, algorithm, asked)
    wanted = getattr(self, "wanted_checksum", {}).get(algorithm)
    if wanted and wanted.partition("-")[0] != checksum:
        raise checksum_error(
            "BadDigest", f"The {algorithm.lower()} you specified did not match the calculated checksum."
        )
    self.completed = sorted(asked)
    if not algorithm:
        # What S3 gives to an upload that asks for nothing.
        self.metadata.update({ALGORITHM: DEFAULT, TYPE: FULL_OBJECT})
    return made, etag, (kind, checksum, len(asked))


@patch(
    "moto.s3.models:S3Backend.complete_multipart_upload", "f16c9a08e5db", "moto keeps the kind of checksum as metadata"
)
def _complete_upload(self: Any, bucket: str, upload: str, body: Any) -> Any:
    key = _complete_upload.original(self, bucket, upload, body)
    if key is not None:
        # Told to who asks for checksums, and to nobody else.
        kept = {name: value for name, value in key.metadata.items() if name.lower() not in (ALGORITHM, TYPE)}
        key.set_metadata(kept, replace=True)
    return key


def _check_named(upload: Any, algorithm: str | None, asked: Mapping[int, Mapping[str, str]]) -> None:
    """What the completion names of each part is what that part has."""
    from moto.s3.exceptions import InvalidPart

    for number, named in asked.items():
        for each, value in named.items():
            if algorithm not in (None, each) or of_part(upload.parts[number], each) != value:
                raise InvalidPart()
        if algorithm and not named and upload.metadata[TYPE] == COMPOSITE:
            raise checksum_error(
                "InvalidRequest",
                f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
                f"checksum for each part. It was missing for part {number} in the request.",
            )


def check_completion(response: Any, upload: Any) -> None:
    """Raise what S3 answers to a completion that cannot be of this upload; keep what it names for its making."""
    upload.asked = dict(_named_parts(response.body))
    upload.wanted_checksum = given = dict(given_checksums(response))
    algorithm, kind = upload.metadata.get(ALGORITHM), upload.metadata.get(TYPE)
    asked_kind = response.headers.get(TYPE)
    if asked_kind and kind and asked_kind != kind:
        raise checksum_error(
            "InvalidRequest",
            f"The upload was created using the {kind} checksum mode. "
            "The complete request must use the same checksum mode.",
        )
    if algorithm and (other := next((each for each in given if each != algorithm), None)):
        raise _other_algorithm(algorithm, other)


def _named_parts(body: Any) -> Iterator[tuple[int, dict[str, str]]]:
    """The checksums beside each part's number in the body of a completion."""
    # It comes with moto, and without types.
    import xmltodict  # type: ignore[import-untyped]

    try:
        root = next(iter(xmltodict.parse(body, force_list=("Part",)).values())) or {}
        for part in root.get("Part", ()):
            named = {each: part.get(f"Checksum{each}") for each in ALGORITHMS}
            yield int(part["PartNumber"]), {each: value for each, value in named.items() if value}
    except (ExpatError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise checksum_error(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ) from error


@patch("moto.s3.responses:S3Response.serialized", "af486a0ef132", "moto leaves checksums out of four answers")
def _serialized(self: Any, result: Any) -> Any:
    if isinstance(result.result, dict) and (add := _ADDED.get(self.data.get("Action"))):
        add(self, result.result)
    return _serialized.original(self, result)


def _add_to_completion(response: Any, result: dict[str, Any]) -> None:
    key = response.backend.get_object(response.bucket_name, result["Key"])
    result[f"Checksum{key.checksum_algorithm}"] = qualified(key)
    result["ChecksumType"] = kind_of(key)


def _add_to_parts(response: Any, result: dict[str, Any]) -> None:
    upload = _upload(response)
    if algorithm := upload.metadata.get(ALGORITHM):
        result |= {"ChecksumAlgorithm": algorithm, "ChecksumType": upload.metadata[TYPE]}
        for part in result["Parts"]:
            part[f"Checksum{algorithm}"] = of_part(upload.parts[part["PartNumber"]], algorithm)


def _add_to_copied_part(response: Any, result: dict[str, Any]) -> None:
    upload = _upload(response)
    if algorithm := upload.metadata.get(ALGORITHM):
        part = upload.parts[response._get_int_param("partNumber")]
        result["CopyPartResult"][f"Checksum{algorithm}"] = of_part(part, algorithm)


def _add_to_attributes(response: Any, result: dict[str, Any]) -> None:
    """How many parts there were; each of them where each has a checksum of its own."""
    wanted = [each.strip() for each in response.headers.get("x-amz-object-attributes", "").split(",")]
    version = response.querystring.get("versionId", [None])[0]
    key = response.backend.get_object(response.bucket_name, response.parse_key_name(), version_id=version)
    if "ObjectParts" not in wanted or not is_in_parts(key):
        return
    numbers = key.multipart.completed
    told: dict[str, Any] = {"TotalPartsCount": len(numbers)}
    result["ObjectParts"] = told
    if key.checksum_type != COMPOSITE:
        return
    after = int(response.headers.get("x-amz-part-number-marker", 0))
    most = min(int(response.headers.get("x-amz-max-parts", MOST_PARTS)), MOST_PARTS)
    page = [number for number in numbers if number > after][:most]
    parts = [(number, key.multipart.parts[number]) for number in page]
    name = f"Checksum{key.checksum_algorithm}"
    told |= {
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1] if page else 0,
        "MaxParts": most,
        "IsTruncated": bool(page) and page[-1] != numbers[-1],
        "Parts": [
            {"PartNumber": number, "Size": part.size, name: of_part(part, key.checksum_algorithm)}
            for number, part in parts
        ],
    }


_ADDED = {
    "CompleteMultipartUpload": _add_to_completion,
    "ListParts": _add_to_parts,
    "UploadPartCopy": _add_to_copied_part,
    "GetObjectAttributes": _add_to_attributes,
}


def _upload(response: Any) -> Any:
    return response.backend.get_bucket(response.bucket_name).multiparts[response._get_param("uploadId")]


def _other_algorithm(expected: str, actual: str | None) -> Exception:
    named = actual.lower() if actual else "null"
    return checksum_error(
        "InvalidRequest",
        f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, actual checksum Type: {named}",
    )
