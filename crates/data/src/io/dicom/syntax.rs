//! Transfer syntaxes: how a DICOM file stores elements and pixels.

/// How the pixels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// As they are.
    Native,
    /// JPEG's lossless process.
    JpegLossless,
    /// Run lengths of each byte of the voxels.
    RunLength,
}

/// How the elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    /// Each with its type.
    Explicit,
    /// Without types.
    Implicit,
    /// In a form that is not read.
    Other,
}

const IMPLICIT: &str = "1.2.840.10008.1.2";
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

/// How the elements of a transfer syntax are stored.
pub(super) fn elements(uid: &str) -> Elements {
    match uid {
        IMPLICIT => Elements::Implicit,
        BIG_ENDIAN | DEFLATED | "" => Elements::Other,
        // All others are forms of compressed pixels.
        _ => Elements::Explicit,
    }
}

/// How the pixels of a transfer syntax are stored, or the name of one that is not read.
pub(super) fn coding(uid: &str) -> Result<Coding, String> {
    Ok(match uid {
        IMPLICIT | "1.2.840.10008.1.2.1" => Coding::Native,
        "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => Coding::JpegLossless,
        "1.2.840.10008.1.2.5" => Coding::RunLength,
        _ => return Err(name(uid)),
    })
}

/// The name of a transfer syntax that is not read.
fn name(uid: &str) -> String {
    let known = match uid {
        DEFLATED => "deflated",
        BIG_ENDIAN => "big endian",
        "1.2.840.10008.1.2.4.50" | "1.2.840.10008.1.2.4.51" => "lossy JPEG",
        "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => "JPEG-LS",
        "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.91" => "JPEG 2000",
        "" => return "no transfer syntax".into(),
        _ => return format!("transfer syntax '{uid}'"),
    };
    format!("{known}, transfer syntax {uid}")
}
