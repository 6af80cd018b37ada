//! Fingerprints of inputs, by which a run notices that what it reads is no longer what it read.
//!
//! A fingerprint is a file's path, length, modified time and a checksum of its content. Files of
//! up to 4 MiB are summed up whole, and then the modified time does not matter: a copy is as good.
//! Of longer files the checksum covers 64 blocks of 16 KiB at even distances, the first and the
//! last bytes among them, and the modified time counts too. What goes unnoticed is a file of more
//! than 4 MiB, changed in place between the blocks, at the same length, with its modified time set
//! back.

use std::{fs, io, path::Path};

use ilk_formats::Source as _;
use serde::{Deserialize, Serialize};

use crate::{
    checksum::{Checksum, Summing},
    error::Error,
    inputs::FileSource,
    record::time_text,
    text::{counted, grouped},
};

/// Files up to this length are summed up whole.
const WHOLE: u64 = 4 << 20;
/// Blocks that are read of longer files.
const BLOCKS: u64 = 64;
/// Bytes of such a block.
const BLOCK: u64 = 16 << 10;

/// What a file was like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// As people named it.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, where the system tells.
    pub modified: Option<String>,
    /// Of its content; see the module.
    pub content: Checksum,
    /// The dialect of a CSV file, in words, where it is not the plain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
}

impl Fingerprint {
    /// Looks at a file. Cost: reads at most 4 MiB.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Err(Error::input(
                "standard input cannot be read again, as a run directory asks",
            )
            .with_help("write it to a file and name that"));
        }
        let failed = |error: io::Error| Error::file("read", path, &error);
        let metadata = fs::metadata(path).map_err(failed)?;
        let source = FileSource::open(path)?;
        let bytes = source.len();
        let content = sum_up(&source, bytes).map_err(failed)?;
        let modified = metadata.modified().ok().and_then(time_text);
        Ok(Self { path: path.display().to_string(), bytes, modified, content, dialect: None })
    }

    /// Returns what is the same for the same content, whatever the file is called.
    pub fn identity(&self) -> String {
        format!("{} {}\n", self.bytes, self.content)
    }

    /// Describes how a file has changed; `None` if it has not.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let path = &now.path;
        if self.bytes != now.bytes {
            let (was, is) = (counted(self.bytes, "byte"), grouped(now.bytes));
            return Some(format!("{path} had {was}, now {is}"));
        }
        if self.content != now.content {
            return Some(format!("{path} has different content"));
        }
        let is_sampled = self.bytes > WHOLE;
        (is_sampled && self.modified != now.modified).then(|| format!("{path} was modified since"))
    }
}

fn sum_up(source: &FileSource, bytes: u64) -> io::Result<Checksum> {
    let mut sum = Summing::new(io::sink());
    let mut add = |offset: u64, length: u64| {
        let read = source.read_at(offset, length as usize)?;
        io::Write::write_all(&mut sum, &read)
    };
    if bytes <= WHOLE {
        for offset in (0..bytes).step_by(1 << 20) {
            add(offset, (1 << 20).min(bytes - offset))?;
        }
    } else {
        for block in 0..BLOCKS {
            let last = u128::from(bytes - BLOCK);
            add((last * u128::from(block) / u128::from(BLOCKS - 1)) as u64, BLOCK)?;
        }
    }
    Ok(sum.total().1)
}

/// Describes in a few words how the files `then` differ from the files `now`.
pub(crate) fn differences(then: &[Fingerprint], now: &[Fingerprint]) -> Vec<String> {
    let find = |among: &[Fingerprint], path: &str| among.iter().position(|one| one.path == path);
    let mut found = Vec::new();
    for file in then {
        match find(now, &file.path) {
            Some(place) => found.extend(file.difference(&now[place])),
            None => found.push(format!("{} is no longer read", file.path)),
        }
    }
    let new = now.iter().filter(|file| find(then, &file.path).is_none());
    found.extend(new.map(|file| format!("{} is new", file.path)));
    found
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn file(home: &Path, bytes: &[u8], modified: SystemTime) -> Fingerprint {
        let path = home.join("x");
        fs::write(&path, bytes).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        Fingerprint::of(&path).unwrap()
    }

    #[test]
    fn a_changed_file_is_noticed_and_a_copied_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let (now, earlier) = (SystemTime::now(), SystemTime::UNIX_EPOCH - Duration::from_secs(9));
        let of = |bytes: &[u8], time| file(home.path(), bytes, time);
        let small = of(b"a,b\n1,2\n", now);
        assert_eq!(small.difference(&of(b"a,b\n1,2\n", earlier)), None);
        assert!(small.difference(&of(b"a,b\n1,3\n", now)).unwrap().contains("different content"));
        assert!(small.difference(&of(b"a,b\n", now)).unwrap().contains("had 8 bytes, now 4"));
        assert_eq!(of(b"", now).bytes, 0);
    }

    #[test]
    fn of_a_long_file_blocks_and_the_modified_time_count() {
        let home = tempfile::tempdir().unwrap();
        let (now, earlier) = (SystemTime::now(), SystemTime::UNIX_EPOCH - Duration::from_secs(9));
        let mut bytes = vec![7; 5 << 20];
        let long = file(home.path(), &bytes, now);
        assert_eq!(long.difference(&file(home.path(), &bytes, now)), None);
        let touched = file(home.path(), &bytes, earlier);
        assert!(long.difference(&touched).unwrap().contains("was modified since"));
        assert!(touched.modified.unwrap().starts_with("1969-12-31T23:59:51"));
        for place in [0, (5 << 20) - 1] {
            bytes[place] = 8;
            let changed = file(home.path(), &bytes, now);
            assert!(long.difference(&changed).unwrap().contains("different content"));
            bytes[place] = 7;
        }
    }

    #[test]
    fn files_come_and_go() {
        let one = |path: &str, content: &[u8]| Fingerprint {
            path: path.into(),
            bytes: 1,
            modified: None,
            content: Checksum::of(content),
            dialect: None,
        };
        let then = [one("a", b"1"), one("b", b"1"), one("c", b"1")];
        let now = [one("a", b"1"), one("c", b"2"), one("d", b"1")];
        assert_eq!(
            differences(&then, &now),
            ["b is no longer read", "c has different content", "d is new"]
        );
        assert_eq!(differences(&then, &then), Vec::<String>::new());
    }
}
