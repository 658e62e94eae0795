// page/live.js as a module, which the export writes: draws while one types.
export default function listen(): void;
