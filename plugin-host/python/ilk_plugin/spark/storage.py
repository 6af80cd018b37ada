"""The folder that driver and executors share: files whole or not at all."""

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import uuid
import zlib

import pyarrow
import pyarrow.fs

from ilk_plugin.errors import Refused


class Storage:
    """A folder by path or by address (`hdfs://`, `s3://`, `gs://`, `abfss://`, …). Travels with
    tasks."""

    def __init__(self, place: str | os.PathLike):
        place = os.fspath(place).rstrip("/")
        local = re.sub(r"^file:/+", "/", place)
        self.is_local = "://" not in local
        if self.is_local:
            self._root = os.path.abspath(local)
            self._files = pyarrow.fs.LocalFileSystem()
            self.address = f"file://{self._root}"
        else:
            self.address = place
            try:
                # Hadoop's name of S3 is not Arrow's.
                place = re.sub(r"^s3[an]://", "s3://", place)
                self._files, self._root = pyarrow.fs.FileSystem.from_uri(place)
            except (pyarrow.ArrowInvalid, OSError) as error:
                raise Refused("storage", f"{place} cannot be used as a folder: {error}") from None

    def __str__(self) -> str:
        return self._root if self.is_local else self.address

    def at(self, name: str) -> str:
        """Where Spark finds a file or folder."""
        return f"{self.address}/{name}"

    def within(self, name: str) -> "Storage":
        """A folder inside this one."""
        return Storage(self.at(name))

    def write(self, name: str, data) -> None:
        """Writes a file; it is there whole or not at all, also if two tasks write the same one."""
        path = f"{self._root}/{name}"
        folder, _, base = path.rpartition("/")
        unfinished = f"{folder}/_{base}.{uuid.uuid4().hex}"
        with self._reached():
            self._files.create_dir(folder, recursive=True)
            with self._files.open_output_stream(unfinished) as sink:
                sink.write(data)
            self._files.move(unfinished, path)

    def read(self, name: str) -> bytes | None:
        """Reads a file; `None` if it is not there."""
        with self._reached(), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            with self._files.open_input_stream(f"{self._root}/{name}") as source:
                return source.read()
        return None

    @contextlib.contextmanager
    def _reached(self):
        """Names the folder that cannot be used."""
        try:
            yield
        except OSError as error:
            raise Refused(
                "storage",
                f"cannot use {self}: {str(error).strip()}; name a folder in `scratch` or `checkpoint` "
                "that the driver and all executors may write, with enough space",
            ) from None

    def has(self, name: str) -> bool:
        """Whether the file exists."""
        return self._files.get_file_info(f"{self._root}/{name}").is_file

    def names(self, folder: str) -> list[str]:
        """Names what is in a folder."""
        selector = pyarrow.fs.FileSelector(f"{self._root}/{folder}", allow_not_found=True)
        return [entry.base_name for entry in self._files.get_file_info(selector)]

    def remove(self, name: str = "") -> None:
        """Removes a folder, if it is there."""
        path = f"{self._root}/{name}".rstrip("/")
        if self._files.get_file_info(path).type == pyarrow.fs.FileType.Directory:
            self._files.delete_dir(path)

    def map(self, name: str, checksum: int, cache: str) -> pyarrow.Buffer:
        """Maps a file into memory; one that lies elsewhere is fetched into `cache` first, once
        for all processes of this executor. `ValueError` if it is not what was written."""
        path = f"{self._root}/{name}"
        return _mapped(self, path if self.is_local else self._fetch(path, cache), checksum)

    def _fetch(self, path: str, cache: str) -> str:
        os.makedirs(cache, exist_ok=True)
        copy = os.path.join(cache, hashlib.sha256(f"{self.address} {path}".encode()).hexdigest())
        with open(f"{copy}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(copy):
                with self._files.open_input_file(path) as source:
                    with open(f"{copy}.part", "wb") as sink:
                        while piece := source.read(1 << 24):
                            sink.write(piece)
                os.rename(f"{copy}.part", copy)
        return copy


@functools.lru_cache(maxsize=4)
def _mapped_file(path: str, checksum: int, stamp) -> pyarrow.Buffer:
    with pyarrow.memory_map(path) as file:
        data = file.read_buffer()
    if zlib.crc32(data) != checksum:
        raise ValueError(f"{path} is not what was written there; remove it and run again")
    return data


def _mapped(storage: Storage, path: str, checksum: int) -> pyarrow.Buffer:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise ValueError(
            f"{path} does not exist; `checkpoint` or `scratch` must name a folder that the driver and "
            "all executors share"
        ) from None
    return _mapped_file(path, checksum, (status.st_mtime_ns, status.st_size, status.st_ino))
