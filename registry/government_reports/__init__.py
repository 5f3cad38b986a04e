"""The report to the Government and the President: numbered, frozen, reviewed by two people, corrected by versions."""
