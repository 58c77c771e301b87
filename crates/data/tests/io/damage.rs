//! Damaged files, and files of other kinds.

use semivox_data::io::{read_volume, write_volume};
use semivox_data::{DataError, Geometry, Volume};

use crate::{goldens, oblique, ramp};

#[test]
fn a_file_cut_short_anywhere_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cut.nii.gz", "cut.nii"] {
        let path = folder.path().join(name);
        write_volume(&path, &Volume::new(ramp(), Geometry::default())).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [
            0,
            1,
            5,
            20,
            100,
            bytes.len() / 2,
            bytes.len() - 9,
            bytes.len() - 1,
        ] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let message = read_volume(&path).unwrap_err().to_string();
            assert!(message.contains(name), "{length}: {message}");
            assert!(
                message.contains("again") || message.contains("convert"),
                "{length}: {message}"
            );
        }
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = read_volume(&path).unwrap_err();
        assert!(matches!(error, DataError::Truncated { .. }), "{error}");
    }
}

#[test]
fn a_flipped_bit_fails_the_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.nii.gz");
    write_volume(&path, &Volume::new(ramp(), Geometry::default())).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 6;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let message = read_volume(&path).unwrap_err().to_string();
    assert!(
        message.contains("flipped.nii.gz") && message.contains("intact"),
        "{message}"
    );
}

#[test]
fn other_formats_and_shapes_are_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nii");
    write_volume(&path, &Volume::new(ramp(), Geometry::default())).unwrap();
    let sound = std::fs::read(&path).unwrap();
    let edited = |at: usize, value: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        std::fs::write(&path, bytes).unwrap();
        read_volume(&path).unwrap_err().to_string()
    };
    assert!(edited(0, &540_i32.to_le_bytes()).contains("NIfTI-2"));
    assert!(edited(344, b"ni1\0").contains(".hdr"));
    assert!(edited(344, b"abcd").contains("convert"));
    assert!(edited(70, &128_i16.to_le_bytes()).contains("Rgb24"));
    assert!(edited(42, &[0, 0]).contains("shape"));
    assert!(edited(108, &f32::NAN.to_le_bytes()).contains("offset"));
    // A header that claims far more than the file contains does not allocate memory.
    assert!(edited(42, &[255, 127, 255, 127, 255, 127]).contains("cut short"));
    let frames = read_volume(goldens().join("two_frames.nii"))
        .unwrap_err()
        .to_string();
    assert!(
        frames.contains("[5, 4, 3, 2]") && frames.contains("split"),
        "{frames}"
    );
    let missing = read_volume(folder.path().join("none.nii")).unwrap_err();
    assert!(matches!(missing, DataError::Missing { .. }));
    let volume = Volume::new(ramp(), Geometry::default());
    assert!(
        write_volume(folder.path().join("x.mha"), &volume)
            .unwrap_err()
            .to_string()
            .contains(".nii.gz")
    );
    assert!(write_volume(folder.path().join("no/folder.nii"), &volume).is_err());
}

#[test]
fn no_header_byte_brings_the_reader_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.nii");
    write_volume(&path, &Volume::new(ramp(), oblique())).unwrap();
    let sound = std::fs::read(&path).unwrap();
    for at in 0..348 {
        for value in [0, 1, 8, 0x7f, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] = value;
            std::fs::write(&path, bytes).unwrap();
            match read_volume(&path) {
                Ok(volume) => assert!(
                    volume.geometry.determinant().is_normal() && volume.data.len() <= 4 * 228
                ),
                Err(error) => assert!(error.to_string().contains("x.nii"), "{at}: {error}"),
            }
        }
    }
}
