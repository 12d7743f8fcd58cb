//! Code lists of an issue and of its way to a reply.

code_list! {
    /// What an issue is in law. Complaints and denunciations start lawful clocks.
    IssueKind, "issue_kind" {
        Feedback = "feedback", "Phản ánh", "Feedback";
        Recommendation = "recommendation", "Kiến nghị", "Recommendation";
        Complaint = "complaint", "Khiếu nại", "Complaint";
        Denunciation = "denunciation", "Tố cáo", "Denunciation";
        ProcedureRequest = "procedure_request", "Yêu cầu giải quyết thủ tục", "Request about a procedure";
        PolicyQuestion = "policy_question", "Hỏi chính sách", "Question about policy";
        Suggestion = "suggestion", "Góp ý, hiến kế", "Suggestion";
    }
}

code_list! {
    /// Subject field of an issue.
    IssueField, "issue_field" {
        Land = "land", "Đất đai", "Land";
        CompensationClearance =
            "compensation_clearance", "Bồi thường, giải phóng mặt bằng", "Compensation and site clearance";
        ConstructionOrder = "construction_order", "Trật tự xây dựng", "Building order";
        Transport = "transport", "Giao thông", "Roads and transport";
        WaterIrrigation = "water_irrigation", "Nước sạch, thủy lợi", "Clean water and irrigation";
        ElectricityTelecom = "electricity_telecom", "Điện, viễn thông", "Electricity and telecommunications";
        Environment = "environment", "Môi trường", "Environment";
        Agriculture = "agriculture", "Nông, lâm nghiệp", "Agriculture and forestry";
        Fisheries = "fisheries", "Thủy sản", "Fisheries";
        SocialPolicy = "social_policy", "Chính sách xã hội, người có công, giảm nghèo", "Social policy and poverty";
        Health = "health", "Y tế, bảo hiểm y tế", "Health care and health insurance";
        Education = "education", "Giáo dục", "Education";
        Labour = "labour", "Lao động, việc làm", "Labour and employment";
        CivilStatusId = "civil_status_id", "Hộ tịch, cư trú, định danh", "Civil status, residence, identification";
        AdminProcedure = "admin_procedure", "Thủ tục hành chính", "Administrative procedures";
        SecurityOrder = "security_order", "An ninh trật tự", "Security and public order";
        BusinessInvestment = "business_investment", "Đầu tư, kinh doanh", "Investment and business";
        TaxFinance = "tax_finance", "Thuế, tài chính", "Tax and finance";
        CultureTourism = "culture_tourism", "Văn hóa, du lịch", "Culture and tourism";
        EthnicPolicy = "ethnic_policy", "Chính sách dân tộc", "Ethnic policy";
        Disaster = "disaster", "Thiên tai, sạt lở", "Natural disasters and landslides";
        OfficialConduct = "official_conduct", "Tác phong, thái độ phục vụ", "Conduct of officials";
        Miscellaneous = "other", "Khác", "Other";
    }
}

code_list! {
    /// How pressing an issue is.
    Priority, "priority" {
        Normal = "normal", "Bình thường", "Normal";
        Urgent = "urgent", "Bức xúc", "Pressing";
        Emergency = "emergency", "Khẩn cấp", "Emergency";
    }
}

code_list! {
    /// State of an issue.
    IssueStatus, "issue_status" {
        Recorded = "recorded", "Mới ghi nhận", "Recorded";
        Received = "received", "Đã tiếp nhận", "Received";
        AwaitingInfo = "awaiting_info", "Chờ bổ sung", "Waiting for information";
        Forwarded = "forwarded", "Đã chuyển cơ quan có thẩm quyền", "Forwarded to the competent agency";
        InProgress = "in_progress", "Đang giải quyết", "Being settled";
        Resolved = "resolved", "Đã giải quyết", "Settled";
        Replied = "replied", "Đã trả lời người dân", "Replied to the resident";
        Closed = "closed", "Kết thúc", "Closed";
        Reopened = "reopened", "Mở lại", "Reopened";
        OutOfCompetence =
            "out_of_competence", "Không thuộc thẩm quyền, đã hướng dẫn", "Out of competence, resident guided";
        NotAccepted = "not_accepted", "Không thụ lý (có lý do)", "Not accepted (with reason)";
        Withdrawn = "withdrawn", "Người dân tự rút", "Withdrawn by the resident";
        Duplicate = "duplicate", "Trùng", "Duplicate";
    }
}

impl IssueStatus {
    /// Whether the matter counts as settled in the reports: resolved, replied or closed.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Resolved | Self::Replied | Self::Closed)
    }

    /// Whether the issue left the line without being settled: out of competence, not accepted, withdrawn, duplicate.
    pub fn is_exit(&self) -> bool {
        matches!(self, Self::OutOfCompetence | Self::NotAccepted | Self::Withdrawn | Self::Duplicate)
    }

    /// Whether somebody still has to act before the matter is settled. Unknown codes count as open, so that an issue
    /// in a state of a newer app is not forgotten.
    pub fn is_open(&self) -> bool {
        !self.is_settled() && !self.is_exit()
    }
}

code_list! {
    /// Result of an issue.
    Outcome, "outcome" {
        FullyMet = "fully_met", "Đáp ứng toàn bộ", "Fully met";
        PartlyMet = "partly_met", "Đáp ứng một phần", "Partly met";
        NotMetExplained = "not_met_explained", "Không đáp ứng, đã giải thích", "Not met, explained";
        Guided = "guided", "Đã hướng dẫn", "Guidance given";
    }
}

code_list! {
    /// What the resident said about the result.
    Confirmation, "confirmation" {
        Confirmed = "confirmed", "Người dân xác nhận", "Confirmed by the resident";
        Disputed = "disputed", "Người dân chưa đồng ý", "Disputed by the resident";
        NotAsked = "not_asked", "Chưa hỏi", "Not asked";
        Unreachable = "unreachable", "Không liên hệ được", "Could not be reached";
    }
}

code_list! {
    /// How the reply reached the resident.
    ReplyChannel, "reply_channel" {
        Direct = "direct", "Trực tiếp", "In person";
        Written = "written", "Văn bản", "In writing";
        Phone = "phone", "Điện thoại", "By telephone";
        Online = "online", "Trực tuyến", "Online";
        PublicNotice = "public_notice", "Niêm yết, thông báo công khai", "Public notice";
    }
}
