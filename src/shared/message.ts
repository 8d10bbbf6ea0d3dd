// What a message is: a template with a stable code, what it means and what to try. Text for people
// comes from catalogues of these alone, so that docs/errors.md, which is made from them, has all of it.

/** One message. */
export interface MessageEntry {
  /** One line, no final period; '{name}' stands for what is known when it happens. */
  readonly text: string
  /** What is the case, in a sentence or two. */
  readonly means: string
  /** What to try; '' where the text says it. */
  readonly fix: string
}

/** Messages by code. */
export type Catalogue = Readonly<Record<string, MessageEntry>>

/** Names of a template's blanks. */
export type Blanks<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Blanks<Rest>
  : never

/** What fills a template. */
export type Filling<Text extends string> = Readonly<Record<Blanks<Text>, string | number>>

/** Arguments behind a code: what fills the template, if it has blanks, and more. */
export type FillingArguments<Text extends string, More> = [Blanks<Text>] extends [never]
  ? [filling?: Readonly<Record<string, never>>, more?: More]
  : [filling: Filling<Text>, more?: More]

/** A message that came from a catalogue. */
export interface Told {
  readonly reason: string
  readonly text: string
  readonly [fromCatalogue]: true
}
declare const fromCatalogue: unique symbol

/** The only way to a `Told`. */
export function tell<C extends Catalogue, Code extends keyof C & string>(
  catalogue: C,
  reason: Code,
  filling: Readonly<Record<string, string | number>> = {},
): Told {
  return {
    reason,
    text: fill((catalogue[reason] as MessageEntry).text, filling),
  } as unknown as Told
}

/** A template with its blanks filled. One that nothing fills stays, as a defect that shows. */
export function fill(text: string, filling: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (blank, name: string) => String(filling[name] ?? blank))
}
