/** An image reference as the engine's pull takes it. */
export type PullReference = Readonly<{ fromImage: string; tag: string }>;

/**
 * Splits an image reference. Without a tag the engine would fetch every tag there is, so
 * that `latest` is filled in, as every client does.
 */
export function pullReference(image: string): PullReference {
  const digestAt = image.indexOf("@");
  if (digestAt >= 0) return { fromImage: image.slice(0, digestAt), tag: image.slice(digestAt + 1) };
  // A colon before the last slash belongs to the registry's port.
  const colonAt = image.indexOf(":", image.lastIndexOf("/") + 1);
  if (colonAt < 0) return { fromImage: image, tag: "latest" };
  return { fromImage: image.slice(0, colonAt), tag: image.slice(colonAt + 1) };
}
