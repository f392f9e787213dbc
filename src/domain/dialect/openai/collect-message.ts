/**
 * The frames of a translated stream → the whole message they tell, for a client that did not ask for a stream: some servers
 * give up on long answers that are not streamed. It reads our own frames only, so it may trust their order.
 */
import type { RaisedBlock, RaisedMessage } from '#domain/dialect/openai/response.ts'
import { toolInput } from '#domain/dialect/openai/tool-call.ts'

type Frame =
  | { readonly type: 'ping' | 'message_stop' | 'error' }
  | { readonly type: 'message_start'; readonly message: RaisedMessage }
  | { readonly type: 'content_block_start'; readonly content_block: RaisedBlock }
  | { readonly type: 'content_block_delta'; readonly delta: { readonly [member: string]: string } }
  | { readonly type: 'content_block_stop' }
  | {
      readonly type: 'message_delta'
      readonly delta: Pick<RaisedMessage, 'stop_reason' | 'stop_sequence' | 'stop_details'>
      readonly usage: RaisedMessage['usage']
    }

/**
 * @param frames all that `stepChat` and `endChat` returned, in order
 * @returns undefined for a stream that did not end well
 */
export const collectMessage = (frames: readonly string[]): RaisedMessage | undefined => {
  let message: RaisedMessage | undefined
  let block: RaisedBlock | undefined
  let json = ''
  let isWhole = false
  const content: RaisedBlock[] = []
  for (const text of frames) {
    const frame = JSON.parse(text.slice(text.indexOf('\ndata: ') + '\ndata: '.length)) as Frame
    switch (frame.type) {
      case 'message_start':
        message = frame.message
        break
      case 'content_block_start':
        block = frame.content_block
        json = ''
        break
      case 'content_block_delta':
        json += frame.delta.partial_json ?? ''
        block = block === undefined ? undefined : grown(block, frame.delta)
        break
      case 'content_block_stop':
        if (block !== undefined) content.push(block.type === 'tool_use' ? { ...block, input: toolInput(json) } : block)
        break
      case 'message_delta':
        message = message === undefined ? undefined : { ...message, ...frame.delta, usage: frame.usage }
        break
      case 'message_stop':
        isWhole = true
        break
      default:
    }
  }
  return message !== undefined && isWhole ? { ...message, content } : undefined
}

const grown = (block: RaisedBlock, delta: { readonly [member: string]: string }): RaisedBlock => {
  switch (block.type) {
    case 'text':
      return { ...block, text: block.text + (delta.text ?? '') }
    case 'thinking':
      return {
        ...block,
        thinking: block.thinking + (delta.thinking ?? ''),
        signature: delta.signature ?? block.signature,
      }
    case 'tool_use':
      return block
  }
}
