//! Transfer syntaxes: the encodings of elements and pixels in DICOM files.

/// Encoding of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Uncompressed.
    Native,
    /// JPEG's lossless process.
    JpegLossless,
    /// Run lengths of each byte of the voxels.
    RunLength,
}

/// Encoding of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    /// Each with its type.
    Explicit,
    /// Without types.
    Implicit,
    /// In a form that is not read.
    Other,
}

pub(super) const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(super) const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub(super) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

/// Returns the encoding of the elements in a transfer syntax.
pub(super) fn elements(uid: &str) -> Elements {
    match uid {
        IMPLICIT => Elements::Implicit,
        BIG_ENDIAN | DEFLATED => Elements::Other,
        // All others are forms of compressed pixels.
        _ => Elements::Explicit,
    }
}

/// Returns the encoding of the pixels in a transfer syntax, or the name of one that is not supported.
pub(super) fn coding(uid: &str) -> Result<Coding, String> {
    Ok(match uid {
        IMPLICIT | EXPLICIT => Coding::Native,
        "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => Coding::JpegLossless,
        "1.2.840.10008.1.2.5" => Coding::RunLength,
        _ => return Err(name(uid)),
    })
}

/// Returns the name of a transfer syntax that is not supported.
fn name(uid: &str) -> String {
    let known = match uid {
        DEFLATED => "deflated",
        BIG_ENDIAN => "big endian",
        "1.2.840.10008.1.2.4.50" | "1.2.840.10008.1.2.4.51" => "lossy JPEG",
        "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => "JPEG-LS",
        "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.91" => "JPEG 2000",
        _ => return format!("transfer syntax '{uid}'"),
    };
    format!("{known}, transfer syntax {uid}")
}
