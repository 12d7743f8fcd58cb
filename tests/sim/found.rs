//! What the simulator found: the steps that its shrinking left, and what went wrong before it was mended.

use gandan_tests::sim::step::{Act, Who};

/// What went wrong, the seed of the world, and each step with its own seed.
pub(crate) type Found = (&'static str, u64, &'static [(Act, u64)]);

pub(crate) const FOUND: &[Found] = &[
    (
        "a grant that goes after a restore takes the last copy of acknowledged work with it",
        38,
        &[
            (Act::Save(1), 0xf89c_4aee_59b0_e9b9),
            (Act::Backup, 0),
            (Act::Sync(1), 1),
            (Act::Restore(0), 2),
            (Act::Move(1, 1), 3),
        ],
    ),
    (
        "what twins had both not sent when they parted is replaced by one and sent by the other",
        51,
        &[
            (Act::Save(1), 0xefb4_267b_2096_1a9d),
            (Act::Save(1), 0x2329_6f73_4f05_b3da),
            (Act::Copy(1), 1),
            (Act::Save(1), 0xa119_2ae8_c9c4_6954),
        ],
    ),
    (
        "a part of an answer breaks off behind an envelope of a twin",
        94,
        &[
            (Act::Copy(2), 1),
            (Act::Save(2), 0x84d0_977f_b098_9a99),
            (Act::Seal(2), 2),
            (Act::Save(2), 0x0a8a_e358_245a_0e85),
            (Act::Save(5), 0xa499_bd9f_95f6_9532),
        ],
    ),
    (
        "a device whose renewal only the ledger remembers has no right to have late work set aside",
        701_287,
        &[
            (Act::Copy(6), 0x4dbf_993d_3e9d_2a6c),
            (Act::Save(1), 0xeea2_bef2_fb23_ab80),
            (Act::Save(5), 0x1453_a1a2_9447_5d40),
            (Act::Send(2, 0), 0x9863_5f8c_f642_f6d8),
            (Act::Send(1, 151), 0xfe8d_38f5_2b49_3f2b),
            (Act::Deliver(3_603_874_340_351_410_642), 0x341d_d575_2782_7e24),
            (Act::Deliver(14_535_343_494_152_848_887), 0xfd18_5d9a_dd97_4d09),
            (Act::Send(6, 0), 0x667a_e4bf_876a_0e52),
            (Act::Send(3, 0), 0x81a9_33c7_dcac_cdfa),
            (Act::Save(1), 0xf320_af24_3167_7db2),
            (Act::Send(5, 193), 0xb6ef_4e85_0389_8d6d),
            (Act::Send(1, 0), 0xe778_1777_df0d_3e84),
            (Act::Send(4, 581), 0xfa0a_8888_3a5f_1c16),
            (Act::Send(2, 0), 0x0741_7377_662b_3618),
            (Act::Send(5, 0), 0x3bf0_bd30_635c_e110),
            (Act::Move(5, 0), 0x377d_48a3_3fbb_c27b),
            (Act::Seal(5), 0xb129_cd43_e9b2_f623),
            (Act::Lose(18_058_789_606_280_822_271), 0xd088_1688_d30d_455f),
            (Act::Send(4, 0), 0x03a4_6ab0_0a2d_a692),
            (Act::Dying(Who::Server, 22), 0xbf3b_dec3_e818_aaaa),
            (Act::Send(5, 0), 0x9295_c615_6f01_ec76),
            (Act::Deliver(12_475_799_768_541_517_286), 0x8284_d85a_3531_2484),
            (Act::Sync(1), 0xdb87_2ba7_5a7c_c173),
        ],
    ),
    (
        "an app dies right after its first acknowledgement, and the server is restored to before it",
        702_162,
        &[
            (Act::Save(3), 0xb6eb_055f_8861_4948),
            (Act::Backup, 0x8d1a_cc9b_25f2_7aa4),
            (Act::Save(0), 0xe83c_b81f_061a_460e),
            (Act::Dying(Who::Phone(5), 38), 0x81f2_60b0_bc1f_2fe3),
            (Act::Sync(5), 0xc0a8_a3fb_c2c7_5829),
            (Act::Restore(1_604_323_787_860_599_227), 0x52fd_e715_bbef_0b35),
        ],
    ),
    (
        "an app dies before a space leaves it, and the server is restored to before the quarantine of what was in it",
        702_162,
        &[
            (Act::Backup, 0x8d1a_cc9b_25f2_7aa4),
            (Act::Save(3), 0x2d60_5162_5836_fda2),
            (Act::Move(0, 0), 0x03ac_4030_7afe_fe2a),
            (Act::Save(0), 0xe83c_b81f_061a_460e),
            (Act::Dying(Who::Phone(5), 38), 0x81f2_60b0_bc1f_2fe3),
            (Act::Sync(5), 0xc0a8_a3fb_c2c7_5829),
            (Act::Judge(6_477_235_450_993_936_769, true), 0xeb1a_da7f_59fa_cd45),
            (Act::Restore(1_604_323_787_860_599_227), 0x52fd_e715_bbef_0b35),
        ],
    ),
    (
        "views stand still for ever behind a log of which everything was packed and then erased",
        700_543,
        &[
            (Act::Views, 0xbbf8_567c_4c36_6c56),
            (Act::Save(4), 0x9ac8_99b4_d8de_fbe7),
            (Act::Save(0), 0x2785_0f2a_102b_4290),
            (Act::Seal(5), 0x86a7_0169_5604_fbbb),
            (Act::Crawl(5, 591), 0xaa16_6c18_82c9_8aec),
            (Act::Wait(3665), 0x5cbc_0e97_00ed_9dcf),
            (Act::Compact(3628), 0x9fbc_fefc_1131_67b3),
            (Act::Erase(7_113_230_875_189_663_576), 0xf585_1a88_d6f7_a8f5),
        ],
    ),
    (
        "views that stood still while the log was compacted behind an erasure keep the record's row",
        5053,
        &[
            (Act::Save(6), 0x9e56_8221_d1ce_190c),
            (Act::Sync(1), 0x5a24_8e28_261e_f795),
            (Act::Views, 0x2ff0_6665_3c08_3593),
            (Act::Erase(4_371_386_257_926_739_117), 0x524c_5cbc_a429_d44d),
            (Act::Wait(4_065), 0x5971_a344_058e_a67b),
            (Act::Compact(1_676), 0x5f86_88ab_62df_e0d0),
        ],
    ),
];
