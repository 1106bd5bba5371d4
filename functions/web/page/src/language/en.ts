// The words of the page in English. Their names are what the other languages have to have.

export const EN = {
  // Places
  today: "Today", upcoming: "Upcoming", all: "All", done: "Done", chat: "Chat", settings: "Settings",
  views: "Views", tasks: "Tasks", skip: "Skip to the tasks",
  overdue: "Overdue", tomorrow: "Tomorrow", yesterday: "Yesterday", noDate: "No date", dated: "With a date",
  // Counting
  nTasks: { one: "{n} task", other: "{n} tasks" },
  nResults: { one: "{n} result", other: "{n} results" },
  // Empty, loading, away
  loading: "Loading your tasks…",
  emptyToday: "All clear for today", emptyTodayHint: "Enjoy the quiet, or add what is on your mind.",
  emptyUpcoming: "Nothing is planned", emptyUpcomingHint: "Say when: “call Amna on Friday at 4”.",
  emptyAll: "No tasks yet", emptyAllHint: "Add the first one. A sentence will do.",
  emptyFound: "Nothing fits", emptyFoundHint: "Try fewer words, or take a filter away.",
  emptyDone: "Nothing done yet", emptyDoneHint: "What you complete is kept here.",
  clearFilters: "Clear filters",
  offline: "Offline", offlineHint: "You can go on. Changes are sent when Kaam can be reached again.",
  nWaiting: { one: "{n} change waits", other: "{n} changes wait" },
  cannotLoad: "Your tasks could not be loaded", tryAgain: "Try again",
  // Adding
  addTask: "Add a task", add: "Add",
  // Rows
  completeTask: "Complete: {title}", reopenTask: "Reopen: {title}",
  repeats: "Repeats", reminder: "Reminder", highPriority: "High priority", lowPriority: "Low priority",
  waits: "Not sent yet",
  // What was done
  didComplete: "Completed", didReopen: "Open again", didDelete: "Deleted", didEdit: "Saved", didSnooze: "Snoozed", didUndo: "Taken back",
  didAdd: "Added", undo: "Undo", close: "Close", nothingToUndo: "There is nothing to undo here.",
  notDone: "That did not work: {reason}", unreachable: "Kaam can not be reached.", tooOften: "Too many requests; wait a moment.",
  notifications: "Notices",
  // A task
  task: "Task", title: "Title", notes: "Notes", notesPlaceholder: "Anything else…", date: "Date", time: "Time", noTime: "All day",
  clearDate: "Remove the date", priority: "Priority", high: "High", medium: "Medium", low: "Low",
  tags: "Tags", addTag: "Add a tag", removeTag: "Remove the tag {tag}", timeZone: "Time zone",
  repeat: "Repeat", never: "Never", daily: "Every day", weekdays: "Every weekday", weekly: "Every week", monthly: "Every month",
  yearly: "Every year", custom: "Rule (RRULE)", every: "Every", units_daily: "days", units_weekly: "weeks", units_monthly: "months",
  units_yearly: "years", onDays: "On", ends: "Ends", endsNever: "Never", endsUntil: "On a day", endsCount: "After a number of times",
  lastDay: "Last day", times: "Times", countsFrom: "Counts from", fromDue: "the due date", fromCompletion: "its completion",
  nextDates: "Next dates", needsDate: "Choose a date first.", scope: "Applies to", scopeThis: "this task",
  scopeFollowing: "this and those after it", scopeAll: "all of the series",
  reminders: "Reminders", addReminder: "Add a reminder", removeReminder: "Remove this reminder", when: "When", how: "How",
  atTime: "At its time", before: "{time} before", atInstant: "At a date and time", byEmail: "E-mail", byPush: "Notification",
  snooze: "Snooze", snooze10: "For 10 minutes", snooze60: "For an hour", snoozeTomorrow: "Until tomorrow",
  snoozedUntil: "Snoozed until {time}",
  complete: "Complete", reopen: "Reopen", delete: "Delete", restore: "Restore", deleted: "This task is deleted.",
  notFound: "There is no such task.", history: "History", takeBack: "Take back",
  status_pending: "waits", status_queued: "on its way", status_sent: "sent", status_failed: "failed", status_cancelled: "cancelled",
  status_skipped: "skipped",
  happened_created: "Created", happened_updated: "Changed", happened_completed: "Completed", happened_reopened: "Reopened",
  happened_deleted: "Deleted", happened_restored: "Restored", byKaam: "by Kaam", nothing: "nothing",
  field_title: "Title", field_description: "Notes", field_due_date: "Date", field_all_day: "All day", field_time_zone: "Time zone",
  field_priority: "Priority", field_tags: "Tags", field_status: "Status", field_recurrence_rule: "Repeat",
  field_reminder_config: "Reminders", field_snoozed_until: "Snoozed until", field_completed_at: "Completed", changedField: "changed",
  yes: "yes", no: "no",
  // Searching
  search: "Search", searchPlaceholder: "Search titles, notes and tags", filters: "Filters", anyPriority: "Any priority", anyTag: "Any tag",
  showDone: "Search what is done",
  // Chat
  chatTitle: "Talk to Kaam", say: "Say what to do", send: "Send", sayPlaceholder: "What should happen?",
  chatHint: "Ask in English or Urdu. A few beginnings:", chatHint1: "What is due today?", chatHint2: "Call Amna tomorrow at 4pm",
  chatHint3: "Move everything overdue to today", answerYes: "Yes", answerNo: "No", messages: "Messages", newChat: "New conversation",
  thinking: "Kaam is thinking", you: "You:", kaam: "Kaam:", retry: "Try again",
  // Settings
  language: "Language", english_us: "English (US dates)", english_gb: "English (UK dates)", urdu: "اردو", theme: "Appearance",
  auto: "As the device", light: "Light", dark: "Dark", email: "E-mail for reminders", zone: "Time zone",
  reminderHour: "Hour of whole-day reminders", quietHours: "Quiet hours", quietHint: "Reminders wait until they are over, but for high priority.",
  quietFrom: "From", quietTo: "To", push: "Notifications in this browser",
  pushOff: "This Kaam is not set up to send notifications.", pushDenied: "This browser does not allow notifications from this page.",
  pushUnsupported: "This browser can not show notifications.", installed: "Keyboard", keysOn: "Single-key shortcuts",
  keysHint: "Turn off if you speak to your computer.", account: "Account", signOut: "Sign out", saved: "Saved",
  currentPassword: "Current password", newPassword: "New password", changePassword: "Change the password", passwordChanged: "The password is changed.",
  signOutWaiting: "Some changes are not sent yet and would be lost. Sign out all the same?",
  zoneDiffers: "Your zone is {yours}; this device is in {here}.", useZone: "Use {here}", keepZone: "Keep {yours}",
  // Signing in
  signIn: "Sign in", register: "Create an account", address: "E-mail", password: "Password", passwordHint: "8 characters or more; a few words are best.",
  toRegister: "No account yet?", toSignIn: "You have an account?", welcome: "Your tasks, said plainly.", signInFailed: "The address or the password is wrong.",
  noAccounts: "This Kaam takes tokens of another issuer, which this page can not ask for.", wasRegistered: "The account is there if the address was free. Please sign in.",
  // Keyboard
  shortcuts: "Keyboard shortcuts", palette: "Commands", palettePlaceholder: "Type a command or a task", noCommand: "Nothing fits.",
  goTo: "Go to {view}", key_add: "Add a task", key_search: "Search", key_palette: "Commands", key_help: "This list", key_next: "Next task",
  key_previous: "Previous task", key_complete: "Complete or reopen", key_open: "Open", key_delete: "Delete", key_undo: "Undo",
  key_chat: "Talk to Kaam", key_close: "Close", toggleTheme: "Switch light and dark",
  anywhere: "Anywhere", inList: "In a list",
  // Updating
} as const;

export type Key = keyof typeof EN;
export type Words = Record<Key, string | { one: string; other: string }>;
