/**
 * What one OpenAI-dialect server accepts and says differently from OpenAI itself. Quirks are named flags that a preset sets
 * as data; the translators ask the flags and never the provider's name.
 */
export interface OpenAiQuirks {
  /** The field that bounds the output: servers other than OpenAI's own reasoning models know only `max_tokens`. */
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** Largest value the server takes for it; larger ones are cut to this. */
  readonly maxOutputTokens?: number
  /** Role of the leading instructions. */
  readonly systemRole: 'system' | 'developer'
  /** Only a leading system message is allowed: later ones become user text in a `<system-reminder>`. */
  readonly systemFirstOnly?: true
  /** Message content must be a string; parts of text are joined. */
  readonly stringContent?: true
  /** No vision: images become `[image omitted]`. */
  readonly noImages?: true
  /** PDF documents are taken as `file` parts; without it they become `[document omitted]`. */
  readonly fileParts?: true
  /** Roles must alternate (Mistral and Gemma templates): neighbours of one role are merged. */
  readonly strictAlternation?: true
  /** `content: ""` instead of null on an assistant message that only calls tools. */
  readonly emptyInsteadOfNull?: true
  /** `tool_choice` is refused: the choice is the model's. */
  readonly noToolChoice?: true
  /** `tool_choice: required` is not known: it degrades to `auto`. */
  readonly noRequiredToolChoice?: true
  /** `parallel_tool_calls` is refused. */
  readonly noParallelToolCalls?: true
  /** How tool call ids must look: any (≤ 40 characters), or exactly nine alphanumerics (Mistral). */
  readonly toolIds: 'any40' | 'alnum9'
  /** Most tools in one request. */
  readonly maxTools?: number
  /** Longest tool description, in characters. */
  readonly maxDescription?: number
  /**
   * What JSON schemas of tools must avoid: nothing, alternatives at the top, also references, formats and patterns, or all that
   * Gemini's subset does not have.
   */
  readonly schema: 'any' | 'openai' | 'plain' | 'gemini'
  /** `response_format` knows `json_object` but no schemas: the schema goes into the instructions. */
  readonly jsonObjectOnly?: true
  /** `response_format` is refused: the schema goes into the instructions alone. */
  readonly noResponseFormat?: true
  /** It gives up on long answers that are not streamed: whole ones are asked for as streams, and collected. */
  readonly streamAlways?: true
  /** `stream_options` is refused: usage is then estimated. */
  readonly noStreamOptions?: true
  /** `temperature` and `top_p` are refused (reasoning models). */
  readonly noSampling?: true
  /** `stop` is refused. */
  readonly noStop?: true
  /** `top_k` is taken. */
  readonly topK?: true
  /** How reasoning is asked for: an effort, OpenRouter's object, DeepSeek's switch, or that of a chat template (Qwen, vLLM). */
  readonly reasoning: 'none' | 'reasoning_effort' | 'openrouter' | 'thinking' | 'enable_thinking'
  /** Efforts the server lists, ascending; others are clamped. */
  readonly efforts?: readonly string[]
  /** Thinking of ours must be sent back as `reasoning_content` while a tool loop runs (DeepSeek, Kimi). */
  readonly echoReasoning?: true
  /**
   * Gemini 3 refuses calls of the running turn without the signature that it gave them ("Function call is missing a
   * thought_signature"). The client cannot carry it, so its documented escape value goes in its place.
   */
  readonly geminiThoughtSignature?: true
  /** Reasoning tokens are not part of `completion_tokens` (xAI). */
  readonly reasoningTokensApart?: true
  /** `<think>…</think>` inside the content is reasoning (local models). */
  readonly thinkTags?: true
  /** Where the hashed user id goes. */
  readonly userField?: 'user' | 'safety_identifier'
}

export const openAiQuirks: OpenAiQuirks = {
  maxTokensField: 'max_tokens',
  systemRole: 'system',
  toolIds: 'any40',
  schema: 'any',
  reasoning: 'none',
}

/** Names that were changed on the way out, to be changed back on the way in. Made per request. */
export interface NameMap {
  /** The server's tool name → the client's. */
  readonly tools: ReadonlyMap<string, string>
  /** The server's tool call id → the client's, for ids of the history. */
  readonly ids: ReadonlyMap<string, string>
}
