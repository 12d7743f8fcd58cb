//! Code lists of a visit, its place, its photos and what it found.

code_list! {
    /// Programme under which a visit takes place.
    Programme, "programme" {
        SundayWithPeople = "sunday_with_people", "Ngày Chủ nhật với dân", "Sunday with the People";
        HouseholdVisit = "household_visit", "Thăm hộ gia đình", "Household visit";
        CitizenReception = "citizen_reception", "Tiếp công dân", "Citizen reception";
        PeopleDialogue = "people_dialogue", "Đối thoại với nhân dân", "Dialogue with residents";
        BusinessDialogue = "business_dialogue", "Đối thoại với doanh nghiệp", "Dialogue with businesses";
        SecondmentSupport = "secondment_support", "Hỗ trợ chính quyền cấp xã", "Support to commune government";
        SocialSupervision = "social_supervision", "Giám sát, phản biện xã hội", "Social supervision and criticism";
        AdHoc = "ad_hoc", "Làm việc đột xuất", "Unplanned work";
    }
}

code_list! {
    /// Where a visit stands. A late edit of a verified visit is an amendment, not a status.
    VisitStatus, "visit_status" {
        Planned = "planned", "Đã lên kế hoạch", "Planned";
        Draft = "draft", "Đang ghi (bản nháp)", "Being recorded (draft)";
        Submitted = "submitted", "Đã nộp", "Submitted";
        Returned = "returned", "Trả lại bổ sung", "Returned for completion";
        Verified = "verified", "Đã xác nhận", "Verified";
        Cancelled = "cancelled", "Đã hủy", "Cancelled";
    }
}

impl VisitStatus {
    /// Whether the visit counts as held in the reports: submitted, returned or verified.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Submitted | Self::Returned | Self::Verified)
    }
}

code_list! {
    /// Kind of a village or residential group. It does not follow from the type of its commune.
    PlaceKind, "place_kind" {
        Thon = "thon", "Thôn", "Village (thôn)";
        Buon = "buon", "Buôn", "Village (buôn)";
        Bon = "bon", "Bon", "Village (bon)";
        Ban = "ban", "Bản", "Village (bản)";
        ToDanPho = "to_dan_pho", "Tổ dân phố", "Residential group";
        KhuPho = "khu_pho", "Khu phố", "Residential quarter";
        Miscellaneous = "other", "Khác", "Other";
    }
}

code_list! {
    /// Where the visit took place.
    Venue, "venue" {
        CommunityHouse = "community_house", "Nhà văn hóa, nhà sinh hoạt cộng đồng", "Community house";
        CommuneOffice = "commune_office", "Trụ sở UBND", "People's Committee office";
        ServiceCentre = "service_centre", "Trung tâm Phục vụ hành chính công", "Public administrative service centre";
        Household = "household", "Tại hộ", "At a household";
        Field = "field", "Thực địa", "On site";
        Online = "online", "Trực tuyến", "Online";
        Miscellaneous = "other", "Khác", "Other";
    }
}

code_list! {
    /// Role of an official in the team of a visit.
    TeamRole, "team_role" {
        Lead = "lead", "Trưởng đoàn", "Team lead";
        Recorder = "recorder", "Người ghi chép", "Recorder";
        Member = "member", "Thành viên", "Member";
        Interpreter = "interpreter", "Phiên dịch", "Interpreter";
    }
}

code_list! {
    /// What the team did.
    Activity, "activity" {
        Listen = "listen", "Lắng nghe ý kiến", "Listening to residents";
        ExplainPolicy = "explain_policy", "Giải thích chính sách", "Explaining policy";
        GuideProcedure = "guide_procedure", "Hướng dẫn thủ tục", "Guidance on procedures";
        OnlineServiceHelp = "online_service_help", "Hỗ trợ dịch vụ công trực tuyến", "Help with online public services";
        CommunityWork = "community_work", "Lao động cùng dân", "Working alongside residents";
        GiftSupport = "gift_support", "Thăm hỏi, hỗ trợ", "Visiting and support";
        HealthCheck = "health_check", "Khám bệnh, cấp thuốc", "Health check and medicine";
        SiteInspection = "site_inspection", "Kiểm tra thực địa", "Site inspection";
        Mediation = "mediation", "Tham gia hòa giải", "Taking part in mediation";
        ReceivePetition = "receive_petition", "Tiếp nhận đơn", "Receiving petitions";
    }
}

code_list! {
    /// A hot spot is a place and a matter, never a person.
    HotSpot, "hot_spot" {
        None = "none", "Không", "None";
        Watch = "watch", "Theo dõi", "Being watched";
        Active = "active", "Điểm nóng", "Hot spot";
        Resolved = "resolved", "Đã hạ nhiệt", "Calmed down";
    }
}

code_list! {
    /// How far a bright spot (a model worth copying) has come.
    BrightSpotStage, "bright_spot_stage" {
        Proposed = "proposed", "Đề xuất", "Proposed";
        Piloting = "piloting", "Làm điểm", "Piloting";
        Recognised = "recognised", "Được công nhận", "Recognised";
        Replicated = "replicated", "Nhân rộng", "Replicated";
    }
}

code_list! {
    /// Kind of a finding of supervision.
    FindingKind, "finding_kind" {
        Supervision = "supervision", "Giám sát", "Supervision";
        SocialCriticism = "social_criticism", "Phản biện xã hội", "Social criticism";
    }
}

code_list! {
    /// Answer of the body that a finding was addressed to.
    FindingResponse, "finding_response" {
        Accepted = "accepted", "Tiếp thu", "Accepted";
        PartlyAccepted = "partly_accepted", "Tiếp thu một phần", "Partly accepted";
        RejectedWithReason = "rejected_with_reason", "Không tiếp thu, nêu lý do", "Rejected, with reason";
        Pending = "pending", "Chưa trả lời", "Not yet answered";
    }
}

code_list! {
    /// Value on an anonymous satisfaction card.
    Satisfaction, "satisfaction" {
        VerySatisfied = "very_satisfied", "Rất hài lòng", "Very satisfied";
        Satisfied = "satisfied", "Hài lòng", "Satisfied";
        Neutral = "neutral", "Bình thường", "Neutral";
        Dissatisfied = "dissatisfied", "Không hài lòng", "Dissatisfied";
        VeryDissatisfied = "very_dissatisfied", "Rất không hài lòng", "Very dissatisfied";
        NoAnswer = "no_answer", "Không trả lời", "No answer";
    }
}

code_list! {
    /// Why a visit has no position.
    GpsMissingReason, "gps_missing_reason" {
        NoFix = "no_fix", "Không bắt được tín hiệu", "No position fix";
        PermissionDenied = "permission_denied", "Không được cấp quyền định vị", "Location permission denied";
        NotTaken = "not_taken", "Không lấy vị trí", "Not taken";
    }
}

code_list! {
    /// Where a position comes from.
    GpsSource, "gps_source" {
        Device = "device", "Thiết bị", "Device";
        Coarsened = "coarsened", "Đã làm tròn để bảo vệ hộ dân", "Rounded to protect the household";
        Manual = "manual", "Ghim thủ công", "Set by hand";
    }
}

code_list! {
    /// Whether people can be seen in a photo.
    PeopleVisible, "people_visible" {
        None = "none", "Không có người", "No people";
        Crowd = "crowd", "Đám đông, không rõ mặt", "Crowd, nobody identifiable";
        Identifiable = "identifiable", "Nhận ra được người", "Identifiable people";
    }
}

code_list! {
    /// On what ground people may appear in a photo.
    PhotoConsent, "photo_consent" {
        NotNeeded = "not_needed", "Không cần", "Not needed";
        PublicActivityNotice = "public_activity_notice", "Hoạt động công khai, đã thông báo", "Public activity, announced";
        Given = "given", "Đồng ý", "Given";
        Refused = "refused", "Không đồng ý", "Refused";
        Withdrawn = "withdrawn", "Đã rút", "Withdrawn";
    }
}

impl PhotoConsent {
    /// Whether a photo with these people in it may be kept. Identifiable people need consent given for it; unknown
    /// codes count as no consent, and an unknown `people` code as identifiable.
    pub fn allows(&self, people: &PeopleVisible) -> bool {
        match people {
            PeopleVisible::None => true,
            PeopleVisible::Crowd => matches!(self, Self::NotNeeded | Self::PublicActivityNotice | Self::Given),
            PeopleVisible::Identifiable | PeopleVisible::Other(_) => matches!(self, Self::Given),
        }
    }
}

code_list! {
    /// Type of a node of the organisation tree.
    UnitType, "unit_type" {
        Province = "province", "Tỉnh", "Province";
        Area = "area", "Khu vực", "Area";
        Commune = "commune", "Xã", "Commune";
        Ward = "ward", "Phường", "Ward";
        SpecialZone = "special_zone", "Đặc khu", "Special zone";
        Agency = "agency", "Cơ quan", "Agency";
        Village = "village", "Thôn, buôn, bon, bản, tổ dân phố", "Village or residential group";
    }
}

impl UnitType {
    /// Whether this is the legal commune level: commune, ward or special zone.
    pub fn is_commune_level(&self) -> bool {
        matches!(self, Self::Commune | Self::Ward | Self::SpecialZone)
    }
}
