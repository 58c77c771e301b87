//! HDF5 files with floats of 16 bits and with links.

use semivox_data::{AxisOrder, Image, Source, io};

use crate::goldens;

#[test]
fn hdf5_floats_of_16_bits_are_read_as_h5py_reads_them() {
    for name in ["half.h5", "half_big_endian.h5"] {
        let source = |dataset: &str| Source::Hdf5 {
            path: goldens().join("hdf5").join(name),
            dataset: dataset.into(),
            axes: AxisOrder::SlicesLast,
            spacing_mm: [1.0; 3],
        };
        let read = |dataset| io::read_image(&source(dataset)).unwrap();
        let (half, single) = (read("image"), read("single"));
        assert_eq!(half.shape(), [2, 3, 2]);
        let bits = |image: &Image| -> Vec<u32> {
            image
                .first()
                .data
                .iter()
                .map(|value| value.to_bits())
                .collect()
        };
        assert_eq!(bits(&half), bits(&single), "{name}");
        let labels = io::read_label(&source("label")).unwrap();
        let above = single.first().data.mapv(|value| u8::from(value > 1.0));
        assert_eq!(labels.data, above, "{name}");
    }
}

#[test]
fn links_in_hdf5_files_are_refused_by_that_word() {
    for name in ["links.h5", "links_new.h5", "links_ordered.h5"] {
        let source = |dataset: &str| Source::Hdf5 {
            path: goldens().join("hdf5").join(name),
            dataset: dataset.into(),
            axes: AxisOrder::SlicesLast,
            spacing_mm: [1.0; 3],
        };
        assert_eq!(io::read_image(&source("hard")).unwrap().shape(), [2, 3, 2]);
        let message = |dataset| io::read_image(&source(dataset)).unwrap_err().to_string();
        let soft = message("image");
        let expected = "expected a data set named `image`, found a soft link of this name to `/data/single`; soft links \
            are not followed: replace it by a hard one";
        assert!(soft.contains(name) && soft.contains(expected), "{soft}");
        if name != "links.h5" {
            let external = message("label");
            let expected = "found an external link of this name to `drawn/label` in `other.h5`; external links are";
            assert!(external.contains(expected), "{external}");
        }
        // A part of a name, or a group, is no link.
        for absent in ["absent", "dat", "imag", "data"] {
            assert!(!message(absent).contains("link of"), "{absent}");
        }
    }
}
