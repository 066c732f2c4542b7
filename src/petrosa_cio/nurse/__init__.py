"""The Nurse: the gate process. Start reading at `petrosa_cio.nurse.gate`."""
