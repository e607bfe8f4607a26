//! Codes that ngrok documents and Adit never sends (agent protocol 7.2 and 7.3, edge 10.2).
//! They speak of plans, payments, regions, embargoes and abuse pages, or of things that do not
//! exist here. Listed so that a test can tell "decided" from "forgotten".

/// Numbers of `ERR_NGROK_…` below 1000, 8000–8014, 9000–9043 and 15000–15014 that are never sent by
/// the data plane. Codes of the API (resources, their fields) are not the data plane's and not
/// listed.
pub const NEVER_SENT: &[u32] = &[
    // login: plans, payments, embargo
    102, 103, 110, 120, 123, 125, 337, 338, 382, 8013, 8014, 9008, 9009, 9010, 9011, 9012, 9013,
    9040, // bind: plans, regions
    302, 303, 304, 310, 311, 312, 313, 314, 315, 317, 322, 323, 339, 340, 349, 351, 352, 353, 357, 366, 367, 368, 9000,
    9001, 9002, 9003, 9004, 9005, 9006, 9007, 9014, 9015, 9016, 9017, 9018, 9019, 9020, 9022, 9023, 9027, 9042, 9043,
    15000, 15002, 15004, 15009, 15013,
    // things that do not exist here: edges, endpoint configurations, limits of scopes; covered by
    // other codes: version strings of libraries (none), account missing (128), empty Proto (332)
    119, 336, 343, 344, 345, 346, 379, 380, 381, 391, 392, 394, 395, 722, // visitors: plans, payments, abuse
    708, 714, 715, 716, 717, 718, 719, 720, 721, 725, 726, 727, 728, 729, 730, 731, 732, 733, 735, 736, 737, 738, 739,
    740, 6024,
];
