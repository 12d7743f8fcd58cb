// The whole records as the API gives them in details: what the model's view says. The API describes them as plain objects.

interface Count {
  effective: number | null;
  from: string | null;
  values: Record<string, number | null>;
  groups: Record<string, number>;
}

export interface Event {
  at: string;
  by?: string | null;
  from?: string | null;
  to: string;
  reason?: string | null;
  document?: string | null;
}

export interface VisitRecord {
  note: string | null;
  activities: string[];
  language_support: string[];
  counts: { residents: Count; households: Count; businesses: Count };
  gps: { lat: number; lon: number; accuracy_m: number; source: string } | null;
  gps_missing_reason: string | null;
  photos: {
    photo_id: string;
    caption?: string | null;
    taken_at?: string | null;
    people_visible?: string | null;
    mime?: string | null;
    bytes?: number | null;
    sha256?: string | null;
    thumb_sha256?: string | null;
  }[];
  supervision: { kind: string; subject: string; recommendation?: string; addressed_to?: string; response?: string }[];
  bright_spot: { title: string | null; stage: string | null; difficulty?: string; evidence?: string } | null;
  amendments?: unknown[];
  events: Event[];
}

interface Due {
  on: string;
  basis: string;
  target: boolean;
}

export interface IssueRecord {
  description: string | null;
  place_detail: string | null;
  complexity: string;
  events: Event[];
  due: { first_notice: Due | null; resolve: Due | null };
  replies: { at: string; by?: string; channel?: string; text?: string }[];
  result_text: string | null;
  reporter: { mode: string | null; consent: string | null };
  documents: string[];
  recorded_by: string | null;
  withdrawal: { statement: string } | null;
  long_standing: { since_year: number; times_raised_before: number | null } | null;
}
