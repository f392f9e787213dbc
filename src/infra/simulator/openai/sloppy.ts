/**
 * How servers deviate that call themselves OpenAI-compatible, as named flags in any combination. Each was seen in the wild;
 * the servers are examples.
 */
export interface Sloppy {
  /** `finish_reason: stop` although tools are called (Ollama, Gemini, vLLM). */
  readonly toolCallFinishStop?: true
  /** No usage, asked for or not (Ollama). */
  readonly noUsage?: true
  /** The stream ends without `[DONE]`. */
  readonly noDone?: true
  /** Tool calls without `index`, each whole in one entry (Gemini). */
  readonly noIndex?: true
  /** Tool calls without `id`. */
  readonly noIds?: true
  /** Id, type and name in every fragment of a call. */
  readonly repeatedIdAndName?: true
  /** The name comes in two fragments. */
  readonly splitName?: true
  /** Each fragment holds the arguments from their beginning. */
  readonly wholeArgumentsEachTime?: true
  /** Arguments as an object, in one fragment (Ollama). */
  readonly objectArguments?: true
  /** Fragments of parallel calls take turns. */
  readonly interleavedCalls?: true
  /** Thinking is sent in this field, at its place between text and calls (DeepSeek, vLLM; OpenRouter, Groq). */
  readonly reasoningContent?: 'reasoning_content' | 'reasoning'
  /** Thinking is sent as `<think>…</think>` in the content (local models). */
  readonly thinkTags?: true
  /** `: keep-alive` comments and blank lines between chunks (DeepSeek). */
  readonly keepAliveComments?: true
  /** Chunks that say nothing between the others. */
  readonly emptyDeltas?: true
  /** The usage chunk repeats a choice (OpenRouter). */
  readonly usageWithChoice?: true
  /** `{"error":"text"}` (Ollama). */
  readonly stringErrors?: true
  /** `{"detail":…}` (FastAPI). */
  readonly fastapiErrors?: true
  /** `[{"error":{…}}]` (Google). */
  readonly arrayErrors?: true
  /** A proxy's HTML page. */
  readonly htmlErrors?: true
  /** Refusals of streamed calls come as an event of a 200 stream. */
  readonly errorIn200Stream?: true
  /** 400 when `stream_options` is sent. */
  readonly noStreamOptions?: true
  /** 400 when `max_completion_tokens` is sent. */
  readonly maxTokensOnly?: true
  /** Ids that Claude refuses: `functions.Bash:0` (Kimi), `call_x|fc_y` (Gemini). */
  readonly illegalIds?: true
  /** Every optional field is there, with null. */
  readonly nulls?: true
}

/** The compiler sees that none is missing. */
const ALL: { readonly [K in keyof Required<Sloppy>]: true } = {
  toolCallFinishStop: true,
  noUsage: true,
  noDone: true,
  noIndex: true,
  noIds: true,
  repeatedIdAndName: true,
  splitName: true,
  wholeArgumentsEachTime: true,
  objectArguments: true,
  interleavedCalls: true,
  reasoningContent: true,
  thinkTags: true,
  keepAliveComments: true,
  emptyDeltas: true,
  usageWithChoice: true,
  stringErrors: true,
  fastapiErrors: true,
  arrayErrors: true,
  htmlErrors: true,
  errorIn200Stream: true,
  noStreamOptions: true,
  maxTokensOnly: true,
  illegalIds: true,
  nulls: true,
}

/** The names of all flags, for who chooses them on a command line. */
export const SLOPPY_FLAGS: readonly string[] = Object.keys(ALL)
