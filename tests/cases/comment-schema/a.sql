create schema s; create schema gone;
