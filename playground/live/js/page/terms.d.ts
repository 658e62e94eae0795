// page/shared/terms.js as a module, which the export writes: tells what a term means where it stands.
export default function listen(): void;
