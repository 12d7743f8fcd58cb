//! Code lists about the person who raises an issue and the protection of what they said.

code_list! {
    /// How the person who raised an issue appears.
    ReporterMode, "reporter_mode" {
        Anonymous = "anonymous", "Không nêu danh tính", "Without identity";
        Group = "group", "Nhóm hộ, tập thể", "Group of households";
        Representative = "representative", "Qua người đại diện", "Through a representative";
        Organisation = "organisation", "Tổ chức, doanh nghiệp", "Organisation or business";
        Named = "named", "Cá nhân nêu tên", "Named person";
        Confidential = "confidential", "Kênh bảo mật", "Confidential channel";
    }
}

code_list! {
    /// Consent to keep name and contact.
    Consent, "consent" {
        NotNeeded = "not_needed", "Không cần", "Not needed";
        Given = "given", "Đồng ý", "Given";
        Refused = "refused", "Không đồng ý", "Refused";
        Withdrawn = "withdrawn", "Đã rút", "Withdrawn";
        Sealed = "sealed", "Niêm phong (kênh bảo mật)", "Sealed (confidential channel)";
    }
}

impl Consent {
    /// Whether name and contact may be kept: only while consent stands. Silence is not consent.
    pub fn allows_contact(&self) -> bool {
        matches!(self, Self::Given)
    }
}

code_list! {
    /// How consent was given.
    ConsentMethod, "consent_method" {
        AppCheckboxReadAloud =
            "app_checkbox_read_aloud", "Đánh dấu trên ứng dụng sau khi đọc to", "Ticked in the app after reading aloud";
        Written = "written", "Bằng văn bản", "In writing";
    }
}

code_list! {
    /// Who may see an issue.
    Confidentiality, "confidentiality" {
        Normal = "normal", "Thường", "Normal";
        Restricted = "restricted", "Hạn chế", "Restricted";
        DenunciationSealed = "denunciation_sealed", "Niêm phong", "Sealed";
    }
}
