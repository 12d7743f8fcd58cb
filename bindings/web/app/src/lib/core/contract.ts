// What the app asks of the core: `gandan_client`, compiled to WebAssembly, in a dedicated worker. Records, rows, drafts and
// reports have the shape that the client's types have as JSON: names in snake_case, ids as text, dates as 2026-11-21, times
// as RFC 3339 or as milliseconds since 1970 (`_ms`). Every call answers in its turn; none is answered half.
//
// One page at a time holds the database. Whoever saves may be killed the moment after the promise is kept: it is on disk.

/** Id of a record, as text. */
export type Id = string;
/** Place in a list; opaque. */
export type Cursor = string;

/** Why the core could not do what it was asked. Nothing was written then. `message` is English, for logs and reports. */
export class CoreError extends Error {
  constructor(
    /** Stable: those of `ClientError::code`, and of the frame around it: `wrong_pin`, `weak_pin`, `taken` (another page of
     * this app has the database), `no_storage` (the browser gives no durable storage here), `evicted`. */
    readonly code: string,
    /** What the reader can do. */
    readonly remedy: Remedy,
    message: string,
    readonly more: {
      /** The field of an edit that was refused. */
      field?: string;
      /** Milliseconds to wait before the next try with a PIN. */
      wait_ms?: number;
      /** What an exchange did before it ended. */
      report?: SyncReport;
    } = {},
  ) {
    super(message);
    this.name = 'CoreError';
  }
}

export type Remedy = 'retry_later' | 'enrol_again' | 'update_app' | 'fix_input' | 'free_space' | 'bug';

/** A field and its new value; null empties it. Names are those of `gandan_model::patch`. */
export interface Edit {
  field: string;
  value: unknown;
}

export type Kind = 'visit' | 'issue' | 'contact';
export type RecordState = 'quarantined' | 'draft' | 'saved' | 'waiting' | 'needs_review' | 'synced';

export interface Device {
  device: string;
  official: string;
  name: string;
  role: string;
  server: string;
}

export interface Standing {
  device: Device | null;
  visits: number;
  issues: number;
  drafts: number;
  needs_review: number;
  saved_changes: number;
  waiting_changes: number;
  quarantined_changes: number;
  oldest_unsent_ms: number | null;
  units: string[];
  sealed_envelopes: number;
  refused_envelopes: number;
  skew_s: number;
  clock_is_off: boolean;
  last_contact_ms: number | null;
  syncing: boolean;
  /** Bytes of changes, envelopes and photos that the server lacks. */
  unsent_bytes: number;
  /** Photos of which the server lacks the original. */
  unsent_photos: number;
}

export interface Progress {
  round_trips: number;
  bytes_up: number;
  bytes_down: number;
  pushed: number;
  pulled: number;
  waiting: number;
  documents_loaded: number;
  documents_to_load: number;
  /** Photos sent so far in this exchange, and how many there were to send. */
  photos_sent: number;
  photos_to_send: number;
}

export interface SyncReport extends Progress {
  envelopes: number;
  refused: { device_seq: number; code: string; records: Id[] }[];
  quarantined: number;
  healed: number;
  server_restored: boolean;
  returned: number;
  renewed: boolean;
  grants: { space: string; unit: string; given: boolean }[];
  skew_s: number;
  more: boolean;
  poll_after_s: number;
}

export interface Saved {
  id: Id;
  unit: string;
  changed: boolean;
  warnings: Warning[];
}

/** Something in a text that looks like personal data. */
export interface Warning {
  field: string;
  kind: string;
  text: string;
  vi: string;
  en: string;
}

export interface Draft {
  id: Id;
  kind: Kind | null;
  title: string;
  edits: Edit[];
  created_ms: number;
  updated_ms: number;
}

export interface PageOf<T> {
  items: T[];
  next: Cursor | null;
}

export interface Filter {
  unit?: string;
  status?: string;
  from?: string;
  to?: string;
  /** Words, or beginnings of words. */
  query?: string;
  state?: RecordState;
}
export interface VisitFilter extends Filter {
  programme?: string;
}
export interface IssueFilter extends Filter {
  kind?: string;
  field?: string;
  agency?: string;
  visit?: Id;
}

/** `gandan_model::rows::VisitRow`, what the app reads of it. */
export interface VisitRow {
  id: Id;
  unit: string;
  status: string;
  programme: string | null;
  planned_on: string | null;
  date: string | null;
  place_kind: string | null;
  place_name: string | null;
  team: { official: string; role: string; name: string | null }[];
  residents: number | null;
  photos: number;
  follow_up_of: Id | null;
  review: number;
  created_by: string;
  updated_at_ms: number;
  state: RecordState;
}

/** `gandan_model::rows::IssueRow`, what the app reads of it. */
export interface IssueRow {
  id: Id;
  unit: string;
  visit: Id | null;
  ticket: string | null;
  kind: string | null;
  field: string | null;
  title: string | null;
  priority: string;
  confidentiality: string;
  status: string;
  received_on: string | null;
  agency: string | null;
  first_notice_due: string | null;
  resolve_due: string | null;
  outcome: string | null;
  confirmation: string | null;
  reply_channel: string | null;
  replied_on: string | null;
  review: number;
  updated_at_ms: number;
  state: RecordState;
}

export interface ReviewItem {
  field: string;
  rule: string;
  values: { value: unknown; by: string; at_ms: number; device: string }[];
  effective: unknown;
  basis: string;
}

export interface ReviewLine extends ReviewItem {
  id: Id;
  record: 'visit' | 'issue';
  unit: string;
  kind: string;
}

export interface Count {
  effective: number | null;
  from: string | null;
  values: Record<string, number | null>;
  groups: Record<string, number>;
}

export interface Event {
  at: string;
  by: string;
  from: string | null;
  to: string;
  reason?: string;
  document?: string;
}

export interface HistoryEntry {
  hash: string;
  at_ms: number;
  author: string;
  device: string;
  changes: { field: string; old: unknown; new: unknown }[];
}

export interface Photo {
  photo_id: string;
  caption?: string;
  taken_at?: string;
  mime?: string;
  bytes?: number;
  sha256?: string;
  people_visible?: string;
  consent?: string;
}

interface Shown {
  id: Id;
  space_unit: string;
  state: RecordState;
  review: ReviewItem[];
  history: HistoryEntry[];
  created_by: string;
  created_at_ms: number;
  updated_at_ms: number;
}

/** `gandan_model::visit::Visit` as `Client::show` gives it. */
export interface Visit extends Shown {
  record: 'visit';
  unit: string | null;
  assignment: string | null;
  programme: string | null;
  place: { kind: string | null; name: string | null };
  venue: string | null;
  language_support: string[];
  planned_on: string | null;
  started_at: string | null;
  ended_at: string | null;
  gps: { lat: number; lon: number; accuracy_m: number; source: string } | null;
  gps_missing_reason: string | null;
  team: Record<string, { role: string; name?: string; agency?: string }>;
  activities: string[];
  counts: { residents: Count; households: Count; businesses: Count };
  note: string | null;
  photos: Photo[];
  hot_spot: string;
  satisfaction: Record<string, number> | null;
  bright_spot: Record<string, unknown> | null;
  supervision: Record<string, unknown>[];
  follow_up_of: Id | null;
  same_as?: Id;
  status: string;
  events: Event[];
  amendment_pending: boolean;
}

/** `gandan_model::issue::Issue` as `Client::show` gives it. */
export interface Issue extends Shown {
  record: 'issue';
  visit: Id | null;
  ticket: string | null;
  kind: string | null;
  field: string | null;
  title: string | null;
  description: string | null;
  place_detail: string | null;
  priority: string;
  reporter: { mode: string | null; consent: string | null; contact_ref: Id | null };
  confidentiality: string;
  recorded_by: string | null;
  received_on: string | null;
  responsible_agency: string | null;
  due: { first_notice: DueDate | null; resolve: DueDate | null };
  status: string;
  events: Event[];
  replies: { at: string; by?: string; channel?: string; text?: string }[];
  outcome: string | null;
  result_text: string | null;
  reply_channel: string | null;
  replied_on: string | null;
  resident_confirmation: string | null;
  long_standing: { since_year: number; times_raised_before: number | null } | null;
  hot_spot: boolean;
}

export interface DueDate {
  on: string;
  basis: string;
  target: boolean;
}

/** `gandan_model::others::Assignment`, of an official who may be another one. */
export interface Assignment {
  id: Id;
  official: string | null;
  units: string[];
  from: string | null;
  to: string | null;
  decision: string | null;
  programme: string | null;
}

/** A text that stands above what could become personal data: `gandan_model::privacy::Notice`. */
export type NoticeName = 'free_text' | 'consent' | 'denunciation' | 'photo' | 'location' | 'satisfaction';
export interface Notices {
  /** Belongs into the record of a consent. */
  version: string;
  texts: Record<NoticeName, { vi: string; en: string }>;
}

/** What a photo is when it is handed over: scaled by the app, a JPEG; the core strips metadata, hashes and keeps it. */
export interface NewPhoto {
  bytes: ArrayBuffer;
  /** At most 320 pixels and 20 KB. */
  thumbnail: ArrayBuffer;
  people_visible: 'none' | 'crowd' | 'identifiable';
  /** Needed for `identifiable`. */
  consent?: string;
  caption?: string;
  taken_at: string;
}

/** What was taken over from a file of unsent records: how many of what. */
export interface Rescued {
  /** Records whose changes are saved here now. */
  records: number;
  drafts: number;
  /** Records and drafts that were here already. */
  known: number;
  /** Records that build on something that is not here: sync, then read the file again. */
  incomplete: number;
  /** Records of units that this phone may not write. */
  not_allowed: number;
  bad_lines: number;
}

/** Before the database is open. */
export type Door = 'new' | 'locked' | 'open';

export interface Core {
  // ——— The door ———
  /** Whether there is a database here, and whether it is open. Rejects with `taken` if another page has it. */
  door(): Promise<Door>;
  /** Makes the database behind a new PIN (6 to 12 digits; `weak_pin` for 000000, 123456 and their like). Only when `new`. */
  create(pin: string): Promise<void>;
  /** Opens it. `wrong_pin` says in `more.wait_ms` when one may try again. */
  unlock(pin: string): Promise<void>;
  lock(): Promise<void>;
  changePin(before: string, after: string): Promise<void>;
  /** Removes everything from this phone, also what was not sent. */
  erase(): Promise<void>;

  // ——— Whose phone it is ———
  /** By a link such as `https://server/enrol#CODE`. */
  enrol(link: string): Promise<Device>;
  standing(): Promise<Standing>;
  units(): Promise<{ code: string; name: string }[]>;
  /** All assignments that this phone knows, the latest first. */
  assignments(): Promise<Assignment[]>;
  notices(): Promise<Notices>;

  // ——— Looking ———
  visits(filter: VisitFilter, limit: number, after?: Cursor | null): Promise<PageOf<VisitRow & { state: RecordState }>>;
  issues(filter: IssueFilter, limit: number, after?: Cursor | null): Promise<PageOf<IssueRow & { state: RecordState }>>;
  review(limit: number, after?: Cursor | null): Promise<PageOf<ReviewLine>>;
  /** A record in full with its last `steps` changes. `not_found`. */
  show(id: Id, steps?: number): Promise<Visit | Issue>;
  /** What looks like personal data in a text. Nothing leaves the phone. */
  check(field: string, text: string, household: boolean): Promise<Warning[]>;

  // ——— Saving: on disk when the promise is kept ———
  newId(): Promise<Id>;
  /** One change: a new record, or edits of the one with this id. */
  createRecord(kind: Kind, id: Id | null, edits: Edit[]): Promise<Saved>;
  patch(id: Id, edits: Edit[]): Promise<Saved>;
  /** `field` as the review item names it; null accepts what is shown. `stale` if other values came meanwhile. */
  resolve(id: Id, field: string, basis: string, value: unknown): Promise<Saved>;
  /** Begins or goes on with a draft; edits replace those of the same field. */
  saveDraft(kind: Kind, id: Id | null, edits: Edit[]): Promise<Id>;
  draft(id: Id): Promise<Draft | null>;
  drafts(): Promise<Draft[]>;
  submitDraft(id: Id): Promise<Saved>;
  /** Hands a visit in. */
  submit(id: Id): Promise<Saved>;
  discardDraft(id: Id): Promise<boolean>;
  /** Leaves a sealed stub for the inspectorate: that there was a denunciation in this province in this month (2026-11), and
   * nothing else. Its id is not told: no page of this app shows it again. */
  sealDenunciation(month: string): Promise<void>;

  // ——— Photos ———
  attach(visit: Id, photo: NewPhoto): Promise<{ photo_id: string }>;
  /** The picture as it lies here; null if only the server has it. */
  photo(visit: Id, photoId: string, size: 'thumbnail' | 'original'): Promise<Blob | null>;

  // ——— Exchanging ———
  /** Sends what waits and takes in what is new. Rejects with what happened until then in `more.report`; `cancelled` when
   * the signal was given. Photos' originals go only when `metered` is false. */
  sync(options: { metered: boolean; signal: AbortSignal; progress: (progress: Progress) => void }): Promise<SyncReport>;
  /** Records that read differently now, whoever changed them; none: only the standing changed. Gives the way to stop. */
  onChange(listener: (ids: Id[]) => void): () => void;
  /** The server has something for this phone. Gives the way to stop listening, and with it the connection. */
  onNews(listener: () => void): () => void;

  // ——— The last resort ———
  /** Everything the server has not confirmed, one JSON object a line. Not encrypted. */
  exportUnsent(): Promise<Blob>;
  /** Takes over such a file that another phone of this official wrote, or this one before it was enrolled anew; reading it twice
   * changes nothing. `bad_export`, `not_yours`, `too_large`. */
  importUnsent(lines: ArrayBuffer): Promise<Rescued>;
}

/** Starts the worker. It loads the core and answers; nothing is opened yet. The one function of `./index.ts`. */
export type StartCore = () => Core;
