//! Texts that the app shows or reads aloud before personal data could be written. The controller may replace them;
//! the version shown belongs in the consent record.

use serde::{Deserialize, Serialize};

use crate::codes::Lang;

/// Version of the built-in texts, for consent records.
pub(super) const VERSION: &str = "2026-11-21";

/// One notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Above every free text.
    FreeText,
    /// Read aloud before name and contact are asked for.
    Consent,
    /// When a denunciation is begun.
    Denunciation,
    /// Before a photo is taken.
    Photo,
    /// Before the position is taken.
    Location,
    /// Where satisfaction cards are entered.
    Satisfaction,
}

impl Notice {
    /// All notices.
    pub const ALL: [Self; 6] =
        [Self::FreeText, Self::Consent, Self::Denunciation, Self::Photo, Self::Location, Self::Satisfaction];

    /// Version of the built-in texts.
    pub fn version() -> &'static str {
        VERSION
    }

    /// The text in a language.
    pub fn text(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Vi => self.vietnamese(),
            Lang::En => self.english(),
        }
    }

    fn vietnamese(self) -> &'static str {
        match self {
            Self::FreeText => {
                "Chỉ ghi sự việc. Không ghi: số giấy tờ, số điện thoại, quan điểm chính trị, tôn giáo, dân tộc, tình \
                 trạng sức khỏe của cá nhân; thái độ ủng hộ hay chống đối; nhận xét, xếp loại người dân hoặc hộ gia \
                 đình; ai có mặt, ai không hài lòng."
            }
            Self::Consent => {
                "Việc của ông/bà được ghi nhận mà không cần nêu tên. Nếu ông/bà muốn được trả lời riêng, chúng tôi \
                 xin lưu họ tên và cách liên hệ chỉ để trả lời việc này, và xóa sau khi kết thúc. Ông/bà có quyền \
                 không đồng ý, xem, sửa, rút lại sự đồng ý hoặc yêu cầu xóa bất cứ lúc nào; có thể dùng mã phiếu để \
                 xem kết quả mà không cần để lại tên."
            }
            Self::Denunciation => {
                "Ứng dụng không nhận nội dung tố cáo. Người tố cáo được pháp luật bảo vệ bí mật; hãy hướng dẫn gửi \
                 đến cơ quan có thẩm quyền theo kênh tố cáo. Không chụp ảnh, không ghi tên, địa chỉ hay nội dung tố \
                 cáo vào bất kỳ mục nào."
            }
            Self::Photo => {
                "Ảnh chung của hoạt động công khai: thông báo trước khi chụp. Ảnh nhận ra được một người: chỉ khi \
                 người đó đồng ý. Không chụp giấy tờ tùy thân."
            }
            Self::Location => {
                "Ứng dụng lấy một điểm vị trí cho mỗi cuộc làm việc, không ghi lại hành trình. Khi thăm hộ gia đình, \
                 điểm được làm tròn khoảng 1 km. Ông/bà có thể không lấy vị trí."
            }
            Self::Satisfaction => "Phiếu hài lòng không ghi tên. Không ghi ai hài lòng, ai không hài lòng.",
        }
    }

    fn english(self) -> &'static str {
        match self {
            Self::FreeText => {
                "Record the matter only. Do not record: document numbers, phone numbers, a person's political \
                 opinions, religion, ethnicity or health; attitudes for or against; assessments or ranks of \
                 residents or households; who attended, who is dissatisfied."
            }
            Self::Consent => {
                "Your matter is recorded without your name. If you want a reply of your own, we ask to keep your \
                 name and contact only to reply in this matter, and erase them when it is closed. You may refuse, \
                 see, correct, withdraw your consent or ask for erasure at any time; with the ticket you can look up \
                 the result without leaving a name."
            }
            Self::Denunciation => {
                "The app does not take the content of a denunciation. The law keeps denouncers secret; show the way \
                 to the competent body. Take no photo, and write no name, address or content of it in any field."
            }
            Self::Photo => {
                "Group photos of a public activity: say so before you take them. A photo in which a person can be \
                 recognised: only with that person's consent. Never photograph identity papers."
            }
            Self::Location => {
                "The app takes one position for each visit and records no track. At a household the position is \
                 rounded to about 1 km. You may choose to take none."
            }
            Self::Satisfaction => "Satisfaction cards carry no name. Do not record who is satisfied and who is not.",
        }
    }
}
