//! What each figure means, in Vietnamese and English: printed on the page beside it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// A definition in two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Definition {
    /// Vietnamese.
    pub vi: &'static str,
    /// English.
    pub en: &'static str,
}

/// A figure that cannot be given yet, and why. A missing figure is never told as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unavailable {
    /// The figure, by its place in the report.
    pub figure: &'static str,
    /// A stable code of the reason.
    pub reason: &'static str,
    /// In words.
    pub text: Definition,
}

const fn definition(vi: &'static str, en: &'static str) -> Definition {
    Definition { vi, en }
}

/// Every definition, by the figure's place in the report.
pub fn all() -> BTreeMap<&'static str, Definition> {
    DEFINITIONS.iter().copied().collect()
}

const DEFINITIONS: &[(&str, Definition)] = &[
    (
        "period",
        definition(
            "Cuộc làm việc tính theo ngày bắt đầu (chưa diễn ra: ngày dự kiến); vụ việc tính theo ngày tiếp nhận.",
            "Visits by the day they began (not begun: the planned day); issues by the day they were received.",
        ),
    ),
    (
        "as_of",
        definition(
            "Trạng thái và hạn được xét đến hết ngày này (giờ Việt Nam). Việc xảy ra sau đó không được tính; các thông tin khác lấy theo bản ghi hiện tại.",
            "States and due dates are judged at the end of this day (UTC+7). Events after it are left out; all other fields are as they stand now.",
        ),
    ),
    (
        "devices_not_synced",
        definition(
            "Số thiết bị được ghi trong địa bàn, cấp trước cuối kỳ, chưa đồng bộ kể từ hết ngày cuối của kỳ (kỳ chưa hết: từ đầu hôm nay); số liệu có thể còn tăng.",
            "Devices that write in the area, enrolled before the period's end, that have not synced since the end of its last day (of a running period: since the start of today); figures may still grow.",
        ),
    ),
    (
        "visits.held",
        definition(
            "Cuộc đã tổ chức: trạng thái đã nộp, trả lại bổ sung hoặc đã xác nhận.",
            "Held visits: submitted, returned or verified.",
        ),
    ),
    (
        "visits.plan_completion",
        definition(
            "Đã tổ chức / (đã tổ chức + đã hủy + đã lên kế hoạch mà quá ngày).",
            "Held / (held + cancelled + planned for a day that has passed).",
        ),
    ),
    (
        "visits.unit_coverage",
        definition(
            "Số đơn vị có ít nhất một cuộc trong kỳ / số đơn vị trong địa bàn.",
            "Units with at least one held visit in the period / units in the area.",
        ),
    ),
    (
        "visits.residents_met_sum",
        definition(
            "Lượt người dự (không phải số người): tổng số đếm của các cuộc đã tổ chức.",
            "Attendances, not persons: the sum of the counts of held visits.",
        ),
    ),
    (
        "issues.countable",
        definition(
            "Vụ việc được tính: không trùng và không phải tố cáo.",
            "Countable issues: neither duplicates nor denunciations.",
        ),
    ),
    ("issues.by_reporter_mode", definition("Số từ 1 đến 4 ghi là “<5”.", "Numbers from 1 to 4 are shown as \"<5\".")),
    (
        "first_notice",
        definition(
            "Thông báo lần đầu (sự kiện đầu tiên sau khi ghi nhận) đúng hạn / số vụ đã thông báo hoặc đã quá hạn thông báo.",
            "First notices (first event after the recording) on or before their date / issues with a notice or whose notice date has passed.",
        ),
    ),
    (
        "resolution.settled",
        definition(
            "Đã giải quyết: hiện ở trạng thái đã giải quyết, đã trả lời hoặc kết thúc; ngày giải quyết là ngày của sự kiện đầu tiên như vậy.",
            "Settled: now resolved, replied or closed; settled on the day of the first such event.",
        ),
    ),
    (
        "resolution.resolution_rate",
        definition(
            "Đã giải quyết / (được tính − rút − không thuộc thẩm quyền − không thụ lý).",
            "Settled / (countable − withdrawn − out of competence − not accepted).",
        ),
    ),
    (
        "resolution.on_time_rate",
        definition(
            "Giải quyết trong hạn / số vụ có hạn đã giải quyết hoặc đã quá hạn (trừ rút, không thuộc thẩm quyền, không thụ lý). Vụ quá hạn chưa giải quyết vẫn ở mẫu số.",
            "Settled on or before the due date / issues with a due date that are settled or past it (not withdrawn, out of competence, not accepted). Overdue open ones stay in the denominator.",
        ),
    ),
    (
        "resolution.on_time_net",
        definition(
            "Như trên, tử số trừ các vụ mở lại trong 30 ngày sau khi giải quyết.",
            "The same, the numerator without issues reopened within 30 days of being settled.",
        ),
    ),
    (
        "resolution.median_days_to_settle",
        definition(
            "Trung vị số ngày từ ngày tiếp nhận đến ngày giải quyết; p90 theo hạng gần nhất.",
            "Median days from receipt to settlement; p90 by nearest rank.",
        ),
    ),
    (
        "resolution.overdue_open",
        definition(
            "Chưa giải quyết và hạn trước ngày xét; nhóm theo số ngày kể từ ngày tiếp nhận.",
            "Not settled and due before the judgement day; grouped by days since receipt.",
        ),
    ),
    (
        "resident_confirmation",
        definition(
            "Vụ đã giải quyết hoặc mở lại, theo ý kiến người dân; “None”: chưa ghi.",
            "Issues settled or reopened, by what the resident says; \"None\": nothing recorded.",
        ),
    ),
    (
        "outcomes.confirmed_share",
        definition(
            "Người dân xác nhận / (xác nhận + chưa đồng ý); bên cạnh là tỷ lệ chưa hỏi hoặc không liên hệ được.",
            "Confirmed / (confirmed + disputed); beside it the share not asked or not reached.",
        ),
    ),
    (
        "left_the_line",
        definition(
            "Rút, không thụ lý, không thuộc thẩm quyền: cột riêng, kèm lý do; không tính tỷ lệ nào trên các số này.",
            "Withdrawn, not accepted, out of competence: columns of their own, with reasons; no rate is built on them.",
        ),
    ),
    (
        "complaints",
        definition(
            "Khiếu nại: thụ lý hoặc từ chối có lý do trong 10 ngày; giải quyết trong thời hạn luật định, theo từng căn cứ.",
            "Complaints: accepted or refused with reason within 10 days; settled within the lawful limit, by its basis.",
        ),
    ),
    (
        "denunciations",
        definition(
            "Tố cáo: chỉ cấp tỉnh, chỉ cơ quan thanh tra.",
            "Denunciations: at province level, for the inspectorate only.",
        ),
    ),
    (
        "long_standing",
        definition(
            "Vụ kéo dài chưa giải quyết: từ năm nào, số lần đã nêu, bước hiện tại, cơ quan chịu trách nhiệm.",
            "Open long-standing cases: since which year, times raised, step reached, owner.",
        ),
    ),
    (
        "hot_spots",
        definition(
            "Điểm nóng: một nơi và một việc, không bao giờ là một người.",
            "Hot spots: a place and a matter, never a person.",
        ),
    ),
    (
        "satisfaction.satisfied_rate",
        definition(
            "(Rất hài lòng + hài lòng) / số phiếu có trả lời; không suy đoán phiếu trống. Số từ 1 đến 4 ghi là “<5”; để không suy ngược được, số nhỏ kế tiếp hoặc tỷ lệ có thể để trống.",
            "(Very satisfied + satisfied) / answered; never imputed. Numbers from 1 to 4 are shown as \"<5\"; the next smallest or the rate may be left out so that they cannot be reckoned back.",
        ),
    ),
    (
        "satisfaction.response_rate",
        definition("Có trả lời / (có trả lời + không trả lời).", "Answered / (answered + no answer)."),
    ),
    (
        "dialogue_conclusions",
        definition(
            "Vụ việc ghi tại đối thoại: đã giải quyết / (đã giải quyết + quá hạn).",
            "Issues recorded at dialogues: settled / (settled + past their date).",
        ),
    ),
    (
        "supervision",
        definition(
            "Cuộc có kết luận giám sát hoặc phản biện; số kết luận, kiến nghị và phản hồi.",
            "Visits with findings of supervision or criticism; findings, recommendations and responses.",
        ),
    ),
    (
        "bright_spots",
        definition(
            "Điểm sáng theo giai đoạn và khó khăn được giải quyết.",
            "Bright spots by stage and by the difficulty addressed.",
        ),
    ),
    (
        "conduct",
        definition(
            "Phản ánh về tác phong, thái độ phục vụ trong số vụ việc đã thu thập.",
            "Feedback on the conduct of officials, of all issues collected.",
        ),
    ),
    (
        "data_quality",
        definition(
            "Cuộc đã tổ chức không có vị trí, không có ghi chép, bị trả lại, có sửa đổi chờ duyệt; hồ sơ có khác biệt chưa xử lý; trung vị số giờ từ khi kết thúc đến khi máy chủ nhận được.",
            "Held visits without position, without note, returned, with amendments; records with differences not settled; median hours from the end to arrival at the server.",
        ),
    ),
];

/// Figures that wait for data which nothing records yet.
pub const UNAVAILABLE: &[Unavailable] = &[
    Unavailable {
        figure: "visits.village_coverage",
        reason: "no_village_list",
        text: definition(
            "Chưa nạp danh sách thôn, buôn, tổ dân phố của khu vực này nên chưa tính được độ bao phủ.",
            "No list of villages is loaded for this area, so coverage cannot be given.",
        ),
    },
    Unavailable {
        figure: "visits.dispatched_units",
        reason: "no_list_of_dispatched_units",
        text: definition(
            "Chưa có danh sách các đơn vị có cán bộ tăng cường.",
            "The list of units with dispatched officials is not loaded.",
        ),
    },
    Unavailable {
        figure: "promises_kept",
        reason: "promises_not_recorded",
        text: definition(
            "Trong kỳ chưa có việc nào được hẹn ngày nên chưa tính được tỷ lệ thực hiện; chỉ có số cuộc thăm lại.",
            "Nothing of the period was promised for a day; only the number of follow-up visits is known.",
        ),
    },
    Unavailable {
        figure: "data_subject_requests",
        reason: "not_recorded",
        text: definition(
            "Yêu cầu của chủ thể dữ liệu chưa được ghi trong hệ thống.",
            "Requests of data subjects are not recorded in the system yet.",
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_stands_once_and_in_both_languages() {
        assert_eq!(all().len(), DEFINITIONS.len());
        for (figure, text) in DEFINITIONS {
            assert!(text.vi.len() > 10 && text.en.len() > 10, "{figure}");
        }
    }
}
