//! Files and folders that nobody else on the machine can read, whatever the umask is.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use tempfile::TempDir;

/// Opens a file to write it from its beginning.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // it may have been there
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Writes a file. Who reads it finds all of it, or what was there before.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    create(unfinished)?.write_all(content)?;
    fs::rename(unfinished, path)
}

/// Makes a folder, and those that it is in.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A folder in the place for temporary ones. It is gone when this is dropped.
pub(crate) fn temporary_folder(prefix: &str) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Makes a folder unless it is there. One that others can look into, or that is somebody else's, is refused and not
/// narrowed: there may be something else in it.
pub(crate) fn own_folder(path: &Path) -> io::Result<()> {
    make_folder(path)?;
    let refuse = |what: &str| {
        let path = path.display();
        Err(io::Error::other(format!("the folder {path} {what}: name a folder of your own")))
    };
    let folder = fs::metadata(path)?;
    if folder.permissions().mode() & 0o077 != 0 {
        return refuse("can be used by others (a private one has the mode 0700)");
    }
    // what this process makes is its user's
    let probe = tempfile::tempfile_in(path)?;
    if probe.metadata()?.uid() != folder.uid() {
        return refuse("belongs to another user");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_the_owners_even_if_it_was_everybodys() {
        let folder = temporary_folder("files-").unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        create(&path).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap().len()), (0o600, 0));
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        write(&path, b"after").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"after".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_others_can_use_is_refused_and_stays_as_it_is() {
        let folder = temporary_folder("files-").unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        let inner = folder.path().join("a/b");
        own_folder(&inner).unwrap();
        assert_eq!((mode(&inner), mode(inner.parent().unwrap())), (0o700, 0o700));
        own_folder(&inner).unwrap();
        for wide in [0o710, 0o701, 0o755, 0o777] {
            fs::set_permissions(&inner, Permissions::from_mode(wide)).unwrap();
            let refusal = own_folder(&inner).unwrap_err().to_string();
            assert!(refusal.contains("can be used by others"), "{refusal}");
            assert_eq!(mode(&inner), wide);
        }
    }
}
