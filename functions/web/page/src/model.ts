// What the API says, by its own names.

export type Priority = "low" | "medium" | "high";
export type Status = "active" | "completed" | "deleted";
export type Locale = "en-US" | "en-GB" | "ur-PK";
export type Scope = "this" | "following" | "all";

/** In characters. */
export const LONGEST_TITLE = 500;

export interface Rule {
  pattern?: "daily" | "weekly" | "monthly" | "yearly" | null;
  interval?: number | null;
  weekdays?: string[] | null;
  month_days?: number[] | null;
  count?: number | null;
  until?: string | null;
  anchor?: "due" | "completion" | null;
  catch_up?: boolean | null;
  rrule?: string | null;
}

export interface ReminderEntry {
  lead_time?: string | null;
  at?: string | null;
  delivery_method?: "email" | "push" | null;
  destination?: string | null;
}

export interface Task {
  id: string;
  title: string;
  description: string | null;
  due_date: string | null;
  all_day: boolean;
  time_zone: string;
  priority: Priority;
  tags: string[];
  status: Status;
  recurrence_rule: Rule | null;
  reminder_config: ReminderEntry | ReminderEntry[] | null;
  reminder_id: string | null;
  snoozed_until: string | null;
  parent_task_id: string | null;
  created_at: string;
  updated_at: string;
  completed_at: string | null;
  version: number;
}

/** What can be set of a task. */
export type TaskInput = Partial<
  Pick<Task, "title" | "description" | "due_date" | "priority" | "tags" | "recurrence_rule" | "reminder_config" | "time_zone">
>;

export interface TaskPage {
  tasks: Task[];
  next_cursor: string | null;
}

export interface Settings {
  email: string | null;
  time_zone: string;
  locale: Locale;
  reminder_time: string;
  quiet_hours: { start: string; end: string } | null;
  push_subscriptions: { endpoint: string; keys: { p256dh: string; auth: string } }[];
  /** By which browsers know this Kaam; absent where push is not set up. */
}

export interface Span {
  start: number;
  end: number;
  kind: string;
  text: string;
}

export interface Command {
  intent: string;
  task?: TaskInput & { all_day?: boolean };
  target?: unknown;
  spans: Span[];
}

export interface Parsed {
  intent_detected: string;
  confidence_score: number;
  language: "en" | "ur" | "ur-Latn";
  commands: Command[];
}

export interface Reply {
  response: string;
  intent_detected: string;
  conversation_id: string;
  clarification_needed?: boolean;
  confirmation_needed?: boolean;
  task_created?: Task | null;
  task_updated?: Task | null;
  task_completed?: Task | null;
  task_deleted?: Task | null;
  tasks?: Task[] | null;
  candidates?: Task[] | null;
}

export interface HistoryEntry {
  event_id: string;
  action: string;
  actor_type: string;
  actor_id: string;
  timestamp: string;
  old_values: Record<string, unknown> | null;
  new_values: Record<string, unknown> | null;
}

export interface Reminder {
  id: string;
  trigger_time: string;
  status: "pending" | "queued" | "sent" | "failed" | "cancelled" | "skipped";
  delivery_method: "email" | "push";
  reason: string | null;
  sent_at: string | null;
}
