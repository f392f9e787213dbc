/** Messages of an OpenAI chat request, as far as we write them. */
export type ChatPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } }
  | { readonly type: 'file'; readonly file: { readonly filename: string; readonly file_data: string } }

export interface ChatToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: {
    readonly name: string
    /** JSON text of an object. */
    readonly arguments: string
  }
  readonly extra_content?: { readonly google: { readonly thought_signature: string } }
}

export type ChatMessage =
  | { readonly role: 'system' | 'developer'; readonly content: string }
  | { readonly role: 'user'; readonly content: string | readonly ChatPart[] }
  | {
      readonly role: 'assistant'
      readonly content: string | null
      readonly reasoning_content?: string
      readonly tool_calls?: readonly ChatToolCall[]
    }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }

/** A string when there is only text: every server takes it, and some take nothing else. */
export const userMessage = (parts: readonly ChatPart[]): ChatMessage => ({
  role: 'user',
  content: parts.every((part) => part.type === 'text') ? parts.map((part) => part.text).join('\n\n') : parts,
})
