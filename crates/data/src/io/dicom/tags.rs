//! The DICOM elements that describe an image.

/// A tag: group and element number.
pub(super) type Tag = u32;

pub(super) const SOP_CLASS: Tag = 0x0002_0002;
pub(super) const TRANSFER_SYNTAX: Tag = 0x0002_0010;
pub(super) const MODALITY: Tag = 0x0008_0060;
pub(super) const SERIES_DESCRIPTION: Tag = 0x0008_103E;
pub(super) const PATIENT_ID: Tag = 0x0010_0020;
pub(super) const SLICE_THICKNESS: Tag = 0x0018_0050;
pub(super) const SPACING_BETWEEN_SLICES: Tag = 0x0018_0088;
pub(super) const SERIES: Tag = 0x0020_000E;
pub(super) const SERIES_NUMBER: Tag = 0x0020_0011;
pub(super) const INSTANCE_NUMBER: Tag = 0x0020_0013;
pub(super) const POSITION: Tag = 0x0020_0032;
pub(super) const ORIENTATION: Tag = 0x0020_0037;
pub(super) const SAMPLES: Tag = 0x0028_0002;
pub(super) const PHOTOMETRIC: Tag = 0x0028_0004;
pub(super) const FRAMES: Tag = 0x0028_0008;
pub(super) const ROWS: Tag = 0x0028_0010;
pub(super) const COLUMNS: Tag = 0x0028_0011;
pub(super) const PIXEL_SPACING: Tag = 0x0028_0030;
pub(super) const BITS_ALLOCATED: Tag = 0x0028_0100;
pub(super) const BITS_STORED: Tag = 0x0028_0101;
pub(super) const HIGH_BIT: Tag = 0x0028_0102;
pub(super) const SIGNED: Tag = 0x0028_0103;
pub(super) const INTERCEPT: Tag = 0x0028_1052;
pub(super) const SLOPE: Tag = 0x0028_1053;
pub(super) const MODALITY_TABLE: Tag = 0x0028_3000;
pub(super) const SHARED_GROUPS: Tag = 0x5200_9229;
pub(super) const FLOAT_PIXELS: Tag = 0x7FE0_0008;
pub(super) const DOUBLE_PIXELS: Tag = 0x7FE0_0009;
pub(super) const PIXEL_DATA: Tag = 0x7FE0_0010;

/// Elements that are read.
pub(super) const WANTED: [Tag; 28] = [
    SOP_CLASS,
    TRANSFER_SYNTAX,
    MODALITY,
    SERIES_DESCRIPTION,
    PATIENT_ID,
    SLICE_THICKNESS,
    SPACING_BETWEEN_SLICES,
    SERIES,
    SERIES_NUMBER,
    INSTANCE_NUMBER,
    POSITION,
    ORIENTATION,
    SAMPLES,
    PHOTOMETRIC,
    FRAMES,
    ROWS,
    COLUMNS,
    PIXEL_SPACING,
    BITS_ALLOCATED,
    BITS_STORED,
    HIGH_BIT,
    SIGNED,
    INTERCEPT,
    SLOPE,
    MODALITY_TABLE,
    SHARED_GROUPS,
    FLOAT_PIXELS,
    DOUBLE_PIXELS,
];

/// Elements of which it only matters whether they are there.
pub(super) const PRESENT: [Tag; 4] = [MODALITY_TABLE, SHARED_GROUPS, FLOAT_PIXELS, DOUBLE_PIXELS];

/// Types of values whose length has four bytes.
pub(super) const LONG: [[u8; 2]; 13] = [
    *b"OB", *b"OD", *b"OF", *b"OL", *b"OV", *b"OW", *b"SQ", *b"SV", *b"UC", *b"UN", *b"UR", *b"UT",
    *b"UV",
];

/// A tag as the standard writes it.
pub(super) fn shown(tag: Tag) -> String {
    format!("({:04X},{:04X})", tag >> 16, tag & 0xFFFF)
}
