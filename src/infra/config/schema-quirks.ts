/**
 * The quirks of a server of the chat dialect, as the configuration names them: the flags of src/domain/dialect/openai/target.ts.
 * A preset sets them for known servers; `false` takes one away.
 */
import { Schema } from 'effect'
import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import { COUNT, choice, opt, whole } from '#infra/config/schema-leaf.ts'

/** A flag without a default of its own: unset means what the preset says. */
const quirk = (description: string) =>
  opt(Schema.Boolean.annotate({ description, expected: 'true or false', form: 'true | false' }))

const QUIRKS = {
  maxTokensField: opt(choice(['max_tokens', 'max_completion_tokens'], 'The field that bounds the output.')),
  maxOutputTokens: whole('Largest value of that field; larger ones are cut to it.', 1, 1_000_000_000),
  systemRole: opt(choice(['system', 'developer'], 'Role of the leading instructions.')),
  systemFirstOnly: quirk('Only a leading system message is allowed.'),
  stringContent: quirk('Message content must be a string.'),
  noImages: quirk('No vision: images become `[image omitted]`.'),
  fileParts: quirk('PDF documents are taken as `file` parts.'),
  strictAlternation: quirk('Roles must alternate.'),
  emptyInsteadOfNull: quirk('Empty text instead of null beside tool calls.'),
  noToolChoice: quirk('`tool_choice` is refused.'),
  noRequiredToolChoice: quirk('`tool_choice: required` is not known.'),
  noParallelToolCalls: quirk('`parallel_tool_calls` is refused.'),
  toolIds: opt(choice(['any40', 'alnum9'], 'How tool call ids must look.')),
  maxTools: whole('Most tools in one request.', 1, COUNT),
  maxDescription: whole('Longest tool description, in characters.', 1, COUNT),
  schema: opt(choice(['any', 'openai', 'plain', 'gemini'], 'What JSON schemas of tools must avoid.')),
  jsonObjectOnly: quirk('`response_format` knows no schemas.'),
  noResponseFormat: quirk('`response_format` is refused.'),
  streamAlways: quirk('Whole answers are asked for as streams, because long ones time out otherwise.'),
  noStreamOptions: quirk('`stream_options` is refused.'),
  noSampling: quirk('`temperature` and `top_p` are refused.'),
  noStop: quirk('`stop` is refused.'),
  topK: quirk('`top_k` is taken.'),
  reasoning: opt(
    choice(['none', 'reasoning_effort', 'openrouter', 'thinking', 'enable_thinking'], 'How reasoning is asked for.'),
  ),
  efforts: opt(
    Schema.Array(Schema.NonEmptyString).annotate({
      description: 'Efforts that the server lists, ascending; others are fitted to them.',
      expected: 'a list of efforts',
      form: 'list',
    }),
  ),
  echoReasoning: quirk('Reasoning must be sent back during a tool loop.'),
  geminiThoughtSignature: quirk('Tool calls of the running turn need a thought signature.'),
  reasoningTokensApart: quirk('Reasoning tokens are not part of `completion_tokens`.'),
  thinkTags: quirk('`<think>…</think>` in the content is reasoning.'),
  userField: opt(choice(['user', 'safety_identifier'], 'Where the hashed user id goes.')),
} satisfies { readonly [K in keyof OpenAiQuirks]-?: Schema.Top }

export const Quirks = Schema.Struct(QUIRKS).annotate({
  description: 'What a server of the chat dialect accepts and says differently; on top of its preset.',
})
export type QuirksFile = typeof Quirks.Type
