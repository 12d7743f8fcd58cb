// Ready sentences for replies. Each office changes them to its own; they are kept in this browser until the API has them.
export interface Template {
  name: string;
  channel: string;
  outcome: string;
  text: string;
}

export const TEMPLATES: Template[] = [
  {
    name: 'Đã giải quyết xong',
    channel: 'written',
    outcome: 'fully_met',
    text: 'Nội dung {title} (mã phiếu {ticket}) đã được {agency} giải quyết xong. Kết quả: …\nNếu chưa đồng ý với kết quả, đề nghị phản hồi trong 15 ngày, nêu mã phiếu trên.',
  },
  {
    name: 'Giải quyết một phần, hẹn tiếp',
    channel: 'written',
    outcome: 'partly_met',
    text: 'Nội dung {title} (mã phiếu {ticket}) đã được giải quyết một phần: …\nPhần còn lại: …, dự kiến hoàn thành ngày …/…/…, do {agency} thực hiện.',
  },
  {
    name: 'Chưa đáp ứng được, nêu lý do',
    channel: 'written',
    outcome: 'not_met_explained',
    text: 'Nội dung {title} (mã phiếu {ticket}) hiện chưa đáp ứng được. Lý do và căn cứ: …\nNgười dân có quyền khiếu nại hoặc đề nghị xem xét lại tại …',
  },
  {
    name: 'Hướng dẫn nơi giải quyết',
    channel: 'direct',
    outcome: 'guided',
    text: 'Về nội dung {title} (mã phiếu {ticket}): nơi tiếp nhận và giải quyết là …, thời gian làm việc …\nGiấy tờ cần mang theo: … Không phải nộp lệ phí ngoài quy định.',
  },
];

/** The text with what is known of the issue put in. */
export function fill(template: Template, issue: { title?: string | null; ticket?: string | null; agency?: string | null }): string {
  const values: Record<string, string> = {
    title: issue.title ? `“${issue.title}”` : '…',
    ticket: issue.ticket ?? '…',
    agency: issue.agency ?? '…',
  };
  return template.text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
