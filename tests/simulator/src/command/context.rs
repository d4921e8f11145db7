//! The files that come with a command, in a zip archive.

use std::{
    fs::Permissions,
    io::{self, Cursor, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use zip::{ZipArchive, read::ZipFile};

use crate::files;

/// What all files together may have when they are unpacked, so that a small archive fills no disk.
const MOST_BYTES: u64 = 64 << 20;
/// How many files and folders there may be.
const MOST_ENTRIES: usize = 10_000;

/// An archive whose table of contents can be read.
pub(crate) struct Context(ZipArchive<Cursor<Vec<u8>>>);

impl Context {
    /// Reads the table of contents.
    pub(super) fn open(zip: Vec<u8>) -> Result<Self, String> {
        let archive = ZipArchive::new(Cursor::new(zip))
            .map_err(|_| "is no zip archive that can be read".to_owned())?;
        if archive.len() > MOST_ENTRIES {
            return Err(format!("has more than {MOST_ENTRIES} files"));
        }
        Ok(Self(archive))
    }

    /// Writes the files into a folder, and nowhere else.
    pub(super) fn unpack(mut self, folder: &Path) -> io::Result<()> {
        let mut left = MOST_BYTES;
        for index in 0..self.0.len() {
            let mut entry = self.0.by_index(index).map_err(io::Error::other)?;
            left -= unpack(&mut entry, folder, left)?;
        }
        Ok(())
    }
}

/// Gives how many bytes it has.
fn unpack(entry: &mut ZipFile<'_, Cursor<Vec<u8>>>, folder: &Path, most: u64) -> io::Result<u64> {
    let name = entry.name().map_err(io::Error::other)?.into_owned();
    let refuse = |what: &str| io::Error::other(format!("{name}: {what}"));
    let path = entry.enclosed_name().ok_or_else(|| refuse("its path leads elsewhere"))?;
    if entry.is_symlink() {
        // Through a link, the next file could be written to anywhere.
        return Err(refuse("it is a link"));
    }
    let path = folder.join(path);
    if entry.is_dir() {
        files::make_folder(&path)?;
        return Ok(0);
    }
    let too_large = refuse("all files together are too large");
    files::make_folder(path.parent().unwrap_or(folder))?;
    let mode = entry.unix_mode();
    let mut file = files::create(&path)?;
    let written = io::copy(&mut entry.take(most + 1), &mut file)?;
    if written > most {
        return Err(too_large);
    }
    if let Some(mode) = mode {
        // Scripts can be run. The owner can always read and remove what is here.
        file.set_permissions(Permissions::from_mode(mode & 0o700 | 0o600))?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn unpacked(
        write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>),
    ) -> (tempfile::TempDir, io::Result<()>) {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        write(&mut zip);
        let bytes = zip.finish().unwrap().into_inner();
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let done = Context::open(bytes).unwrap().unpack(&inner);
        (folder, done)
    }

    fn deflated() -> SimpleFileOptions {
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
    }

    #[test]
    fn files_are_unpacked_with_their_folders_and_modes() {
        let (folder, done) = unpacked(|zip| {
            zip.start_file("./deep/run.sh", deflated().unix_permissions(0o755)).unwrap();
            zip.write_all(b"echo it runs\n").unwrap();
            let stored = CompressionMethod::Stored;
            zip.start_file("as-it-is", SimpleFileOptions::default().compression_method(stored))
                .unwrap();
            zip.write_all(b"text").unwrap();
        });
        done.unwrap();
        let inner = folder.path().join("inner");
        assert_eq!(fs::read_to_string(inner.join("as-it-is")).unwrap(), "text");
        let script = inner.join("deep/run.sh");
        assert_eq!(fs::read_to_string(&script).unwrap(), "echo it runs\n");
        for (path, expected) in [
            (script.as_path(), 0o700),
            (script.parent().unwrap(), 0o700),
            (&inner.join("as-it-is"), 0o600),
        ] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, expected);
        }
    }

    #[test]
    fn a_file_is_not_written_outside_of_the_folder() {
        let (folder, done) = unpacked(|zip| {
            zip.start_file("../outside", deflated()).unwrap();
            zip.write_all(b"text").unwrap();
        });
        assert!(done.unwrap_err().to_string().contains("leads elsewhere"));
        assert!(!folder.path().join("outside").exists());
    }

    #[test]
    fn a_link_is_refused() {
        let (_, done) = unpacked(|zip| {
            zip.add_symlink("link", "/etc", SimpleFileOptions::default()).unwrap();
        });
        assert!(done.unwrap_err().to_string().contains("it is a link"));
    }

    #[test]
    fn a_small_archive_of_something_large_is_refused() {
        let (_, done) = unpacked(|zip| {
            zip.start_file("zeros", deflated()).unwrap();
            let part = vec![0; 1 << 20];
            for _ in 0..=64 {
                zip.write_all(&part).unwrap();
            }
        });
        assert!(done.unwrap_err().to_string().contains("too large"));
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        assert!(Context::open(b"not a zip archive".to_vec()).is_err());
        assert!(Context::open(Vec::new()).is_err());
    }
}
