/**
 * Puts an entry behind all others of a map, also one that is in it already. Of more than `most` the first is dropped: the one
 * that was put in the longest time ago.
 */
export function putLast<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}
